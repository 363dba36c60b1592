import ArgumentParser
import ButlerModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why a command could not do what was asked, where no module below has an error of its own for it.
enum CommandFailure: Error, CustomStringConvertible {
    /// Something that the command line offers but that this version cannot do yet.
    case unsupported(String)
    /// What was asked cannot be done; the text says why and what to do.
    case refused(String)
    /// Text has to go to a file or stream that does not take it.
    case cannotWrite(String, reason: String)

    var description: String {
        switch self {
        case .unsupported(let text), .refused(let text): text
        case .cannotWrite(let name, let reason): "Cannot write to \(name): \(reason)."
        }
    }
}

/// A command line that makes no sense.
struct UsageFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A command that only groups others was called without one of them.
struct MissingSubcommand: Error {
    let command: any ParsableCommand.Type
    init(of command: any ParsableCommand.Type) { self.command = command }
}

enum Failure {
    /// Prints what ended the program, one line for most failures, and returns the exit status.
    static func report(_ error: any Error, root: any ParsableCommand.Type, name: String) -> Int32 {
        if let usage = error as? UsageFailure {
            return report(usage.description, hint: "\(name) --help", name: name)
        }
        if let missing = error as? MissingSubcommand {
            StandardStream.error.write(root.helpMessage(for: missing.command) + "\n")
            return 2
        }
        let status = root.exitCode(for: error)
        if status.isSuccess {
            let text = root.fullMessage(for: error)
            if !text.isEmpty { StandardStream.output.write(text + "\n") }
            return 0
        }
        if status == .validationFailure {
            return report(
                root.message(for: error), hint: helpCommand(in: root.fullMessage(for: error)) ?? "\(name) --help",
                name: name)
        }
        if let exit = error as? ExitCode { return exit.rawValue }
        // Errors of queries show the place in the expression, on lines of their own.
        let text = text(of: error)
        StandardStream.error.write("\(name): error: \(error is ButlerError ? text : oneLine(text))\n")
        return 1
    }

    private static func report(_ message: String, hint: String, name: String) -> Int32 {
        var text = oneLine(message)
        if text.hasSuffix(".") { text.removeLast() }
        StandardStream.error.write("\(name): error: \(text); try '\(hint)'.\n")
        return 2
    }

    /// The command that shows the help of the subcommand whose arguments were wrong.
    private static func helpCommand(in message: String) -> String? {
        guard let line = message.split(separator: "\n").last(where: { $0.hasPrefix("  See '") }) else { return nil }
        let rest = line.dropFirst(7)
        return rest.firstIndex(of: "'").map { String(rest[..<$0]) }
    }

    /// What an error says. Errors of this project say it in their description.
    private static func text(of error: any Error) -> String {
        switch error {
        case is CancellationError: "Interrupted."
        case let error as any CustomStringConvertible: error.description
        default: "Unexpected failure: \(error.localizedText)"
        }
    }

    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { line in
            String(line.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: " ")
    }
}

extension Error {
    fileprivate var localizedText: String { String(describing: self) }
}
