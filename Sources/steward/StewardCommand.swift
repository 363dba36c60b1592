import ArgumentParser

/// `steward`: the root of all commands.
struct StewardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steward",
        abstract: "Keeps the data of an observatory: what there is, where it is, and how to get it.",
        discussion: """
            Called through a link named 'butler' or 'felis', the program answers as 'steward butler' or 'steward felis' \
            does, with the options and the output of that command.
            """,
        version: Version.current,
        subcommands: [
            AccessCommand.self, ButlerCommand.self, CacheCommand.self, Demo.self, FelisCommand.self,
            PublishTypesCommand.self, S3Daemon.self, Send.self, Serve.self,
        ])

    func run() throws { throw MissingSubcommand(of: Self.self) }
}

enum Version {
    static let current = "0.1.0"
}
