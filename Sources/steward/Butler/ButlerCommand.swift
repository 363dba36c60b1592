import ArgumentParser

/// `steward butler`: the commands of Rubin's `butler`, with its names, options and output.
struct ButlerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "butler",
        abstract: "Looks into Butler repositories, changes them and makes new ones.",
        discussion: "The options below come before the name of the command and hold for all of them.",
        version: Version.current,
        subcommands: [
            AssociateCommand.self,
            CertifyCalibrationsCommand.self,
            CheckCommand.self,
            CollectionChainCommand.self,
            ConfigDumpCommand.self,
            ConfigValidateCommand.self,
            CreateCommand.self,
            EmptyTrashCommand.self,
            ExplainCommand.self,
            ExportCalibsCommand.self,
            ImportCommand.self,
            IngestFilesCommand.self,
            IngestZipCommand.self,
            PruneDatasetsCommand.self,
            QueryCollectionsCommand.self,
            QueryDataIDsCommand.self,
            QueryDatasetTypesCommand.self,
            QueryDatasetsCommand.self,
            QueryDimensionRecordsCommand.self,
            RegisterDatasetTypeCommand.self,
            RemoveCollectionsCommand.self,
            RemoveDatasetTypeCommand.self,
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
