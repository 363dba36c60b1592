import ArgumentParser
import Foundation
import StructuredData

/// `-@ FILE`: options of a command from a YAML file, for those that the command line does not give.
///
/// The file maps names of commands to mappings of option names, without dashes, to values: text, a number, true or
/// false for a flag, a list for an option that takes several values.
enum OptionsFile {
    /// The command line with the options of the file put in; unchanged if it names no file.
    static func expand(_ arguments: [String], in root: any ParsableCommand.Type) throws -> [String] {
        guard let start = commandIndex(arguments, in: root) else { return arguments }
        let own = Array(arguments[(start + 1)...])
        guard let path = file(in: own) else { return arguments }
        let options = try options(from: path, command: arguments[start])
        var added: [String] = []
        for (name, value) in options.pairs {
            // As in Python a flag has its own name there, and the value false.
            guard !name.hasPrefix("no-") || name == "no-check" else {
                throw UsageFailure(
                    "The options file '\(path)' has '\(name)', which is not a valid option for \(arguments[start]); give "
                        + "'\(name.dropFirst(3)): false'")
            }
            guard !isGiven(name, in: own) else { continue }
            added += try spelled(name, value, path: path)
        }
        return Array(arguments[...start]) + added + own
    }

    // MARK: The command line

    /// Options of `butler` itself that take a value, which could look like the name of a command.
    private static let valueOptions: Set<String> = ["--log-level", "--log-file", "--log-label"]

    private static func commandIndex(_ arguments: [String], in root: any ParsableCommand.Type) -> Int? {
        let names = Set(ButlerCommand.configuration.subcommands.map { $0._commandName })
        var index = 0
        var isInside = root is ButlerCommand.Type
        while index < arguments.count {
            let argument = arguments[index]
            if valueOptions.contains(argument) {
                index += 2
                continue
            }
            if !argument.hasPrefix("-") {
                if isInside { return names.contains(argument) ? index : nil }
                guard argument == ButlerCommand._commandName else { return nil }
                isInside = true
            }
            index += 1
        }
        return nil
    }

    private static func file(in arguments: [String]) -> String? {
        var found: String?
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { break }
            if argument == "-@" || argument == "--options-file" {
                if index + 1 < arguments.count { found = arguments[index + 1] }
            } else if argument.hasPrefix("--options-file=") {
                found = String(argument.dropFirst("--options-file=".count))
            } else if argument.hasPrefix("-@") {
                found = String(argument.dropFirst(2))
            }
        }
        return found
    }

    /// Short names by long name. A command has at most one of the two that share a letter.
    private static let shortNames = [
        "dataset-type": "-d", "transfer": "-t", "show-dataset-types": "-t", "verbose": "-v", "outfile": "-f",
    ]

    private static func isGiven(_ name: String, in arguments: [String]) -> Bool {
        arguments.contains { argument in
            argument == "--\(name)" || argument == "--no-\(name)" || argument.hasPrefix("--\(name)=")
                || shortNames[name].map { argument.hasPrefix($0) } ?? false
        }
    }

    // MARK: The file

    private static func options(from path: String, command: String) throws -> StructuredMapping {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw UsageFailure("The options file '\(path)' cannot be read")
        }
        let document: StructuredValue
        do {
            document = try StructuredValue(yaml: data)
        } catch {
            throw UsageFailure("The options file '\(path)' is not YAML: \(error)")
        }
        guard let options = document[command]?.objectValue else {
            throw UsageFailure("The options file '\(path)' has no mapping '\(command)'")
        }
        return options
    }

    private static let negatable: Set<String> = ["clobber", "confirm", "find-first", "preserve-path", "zip"]

    private static func spelled(_ name: String, _ value: StructuredValue, path: String) throws -> [String] {
        switch value {
        case .null: return []
        case .bool(true): return ["--\(name)"]
        case .bool(false): return negatable.contains(name) ? ["--no-\(name)"] : []
        case .string(let text): return ["--\(name)=\(text)"]
        case .int(let number): return ["--\(name)=\(number)"]
        case .array(let items): return try items.flatMap { try spelled(name, $0, path: path) }
        default:
            throw UsageFailure(
                "Option '\(name)' in the options file '\(path)' is \(value.kindName); give text, a number or a list")
        }
    }
}
