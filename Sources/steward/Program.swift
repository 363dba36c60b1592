import ArgumentParser

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where the process starts. Called through a link named `butler`, `felis`, `s3daemon` or `s3nd`, the program is that
/// command; else it is `steward`.
@main
enum Program {
    static func main() async {
        let path = CommandLine.arguments.first ?? "steward"
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let arguments = Array(CommandLine.arguments.dropFirst())
        if name == "felis" || arguments.first == "felis" { AllocationSteps.makeLarge() }
        switch name {
        case "butler": await run(ButlerCommand.self, name: name, arguments: arguments)
        case "s3daemon", "s3nd": await run(S3Daemon.self, name: name, arguments: arguments)
        case "felis": await run(FelisCommand.self, name: name, arguments: arguments)
        default: await run(StewardCommand.self, name: "steward", arguments: arguments)
        }
    }

    /// Parses and runs a command line and ends the process: 0 after success, 1 after a failure, 2 when the command
    /// line is wrong.
    private static func run(_ root: any ParsableCommand.Type, name: String, arguments: [String]) async -> Never {
        do {
            let expanded = try OptionsFile.expand(arguments, in: root)
            var command = try parse(expanded, as: root)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            exit(0)
        } catch {
            exit(Failure.report(error, root: root, name: name))
        }
    }

    /// The parser takes an `h` anywhere in a word such as `-xh` for the wish for help, and so a misspelt option for
    /// success. Only `-h` and `--help` as words of their own are that wish.
    private static func parse(_ arguments: [String], as root: any ParsableCommand.Type) throws -> any ParsableCommand {
        let command = try root.parseAsRoot(arguments)
        let words = arguments.prefix { $0 != "--" }
        let wishes: Set = ["help", "-h", "--help", "-help-hidden", "--help-hidden"]
        guard type(of: command)._commandName == "help", !words.contains(where: wishes.contains),
            let word = words.first(where: { $0.hasPrefix("-") && !$0.hasPrefix("--") && $0.contains("h") })
        else { return command }
        throw UsageFailure("There is no option '\(word)'; help is to be had with -h as a word of its own")
    }
}
