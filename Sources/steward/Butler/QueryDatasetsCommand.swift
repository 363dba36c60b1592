import ArgumentParser
import ButlerModel
import Registry
import StructuredData

struct QueryDatasetsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query-datasets",
        abstract: "Lists datasets.",
        discussion: """
            With --format json each line is an object with the keys dataset_type, run, id, data_id and, with \
            --show-uri, uris: a list of objects with the keys component (null for the whole) and uri.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: ArgumentHelp("Names or globs of dataset types. (default: all)", valueName: "glob"))
    var globs: [String] = []

    @OptionGroup var query: DatasetQueryOptions

    @Flag(help: "Show where the files are, too.")
    var showURI = false

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "query-datasets")
        let names = CommaSeparated.values(globs)
        if query.collections.isEmpty { try log.warning("No --collections given; all collections are searched.") }
        if names.isEmpty { try log.warning("No dataset types given; datasets of all types are listed.") }
        let search = try DatasetQuery(datasetTypes: names, options: query)
        let registry = try await RepositoryAccess.registry(repository.repository)
        let result = try await registry.read { try search.run($0) }
        if let remark = result.remark { try log.info(remark) }

        var output = CommandOutput()
        for (type, refs) in result.found {
            switch format.format {
            case .json:
                for ref in refs { try output.line(ResultLines(json: [Self.json(ref)]).lines[0]) }
            case .table:
                let table = DatasetTable(name: type.name, rows: refs.map { ($0, nil) })
                let lines = table.lines(isOrdered: !search.order.isEmpty)
                try output.line()
                try output.lines(lines.lines, headerCount: lines.headerCount)
            }
        }
        if format.format == .table { try output.line() }
        try output.flush()
        if result.isCut {
            try log.warning(
                "Requested limit of \(search.limit.maximum) hit for number of datasets returned. "
                    + "Use --limit to increase this limit.")
        }
    }

    private static func json(_ ref: DatasetRef) -> StructuredMapping {
        [
            "dataset_type": .string(ref.datasetType.name),
            "run": .string(ref.run),
            "id": .string(ref.id.description),
            "data_id": .object(StructuredMapping(ref.dataID.pairs.map { ($0.name, $0.value.wire) })),
        ]
    }
}
