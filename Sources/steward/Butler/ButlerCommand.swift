import ArgumentParser

/// `steward butler`: the commands of Rubin's `butler`, with its names, options and output.
struct ButlerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "butler",
        abstract: "Looks into Butler repositories and makes new ones.",
        discussion: "The options below come before the name of the command and hold for all of them.",
        version: Version.current,
        subcommands: [
            CheckCommand.self,
            CreateCommand.self,
            ExplainCommand.self,
            IngestFilesCommand.self,
            PruneDatasetsCommand.self,
            QueryCollectionsCommand.self,
            QueryDataIDsCommand.self,
            QueryDatasetTypesCommand.self,
            QueryDatasetsCommand.self,
            QueryDimensionRecordsCommand.self,
            RemoveRunsCommand.self,
            RetrieveArtifactsCommand.self,
            TransferDatasetsCommand.self,
        ])

    @OptionGroup(title: "Logging") var logging: LoggingOptions

    @Flag(
        inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Show how far slow work is, on standard error. (default: on a terminal)")
    var progress: Bool?

    mutating func validate() throws { _ = try logging.settings() }

    func run() throws { throw MissingSubcommand(of: Self.self) }
}
