import ArgumentParser
import Butler
import ButlerModel

struct AssociateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "associate",
        abstract: "Puts datasets that exist into a tagged collection.",
        discussion: """
            The collection is made if need be. Either all datasets are put into it or, when it has another one of the \
            same type and data ID, none.

            With --format json a line with the keys collection, count and dry_run is printed.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "The tagged collection.")
    var collection: String

    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dataset types, as names or globs, separated by commas. (default: all)", valueName: "globs"))
    var datasetType: [String] = []

    @OptionGroup var filter: DatasetFilterOptions

    @Option(parsing: .unconditional, help: ResultLimit.help)
    var limit = ResultLimit(number: 0)

    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "associate")
        let search = try DatasetQuery(
            datasetTypes: CommaSeparated.values(datasetType), filter: filter, limit: limit)
        let opened = try await DirectButler.open(repository.repository, writeable: !dryRun.isDryRun, forFiles: false)
        var refs: [DatasetRef] = []
        let outcome = try await search.run(opened) { refs += $1 }
        if let remark = outcome.remark { try log.info(remark) }
        if outcome.isCut { try log.warning(search.cutWarning) }
        let (collection, datasets) = (collection, refs)
        if dryRun.isDryRun {
            try await opened.registry.read { try $0.foreseeAssociation(of: datasets, with: collection) }
        } else {
            try await opened.transaction { transaction in
                try transaction.registry.registerCollection(collection, type: .tagged)
                try transaction.registry.associate(datasets, with: collection)
            }
        }
        var output = CommandOutput()
        switch format.format {
        case .json:
            try output.lines(
                ResultLines(json: [
                    [
                        "collection": .string(collection), "count": .int(Int64(datasets.count)),
                        "dry_run": .bool(dryRun.isDryRun),
                    ]
                ]).lines, headerCount: 0)
        case .table where dryRun.isDryRun:
            try output.line("Number of datasets that would be associated with '\(collection)': \(datasets.count)")
        case .table: break
        }
        try output.flush()
    }
}
