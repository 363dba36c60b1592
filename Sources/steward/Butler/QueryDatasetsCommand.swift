import ArgumentParser
import Butler
import ButlerModel
import Registry

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
        let search = try DatasetQuery(datasetTypes: names, options: query)
        if query.collections.isEmpty { try log.warning("No --collections given; all collections are searched.") }
        if names.isEmpty { try log.warning("No dataset types given; datasets of all types are listed.") }
        let opened = try await DirectButler.open(repository.repository)
        let result = try await opened.registry.read { try search.run($0) }
        if let remark = result.remark { try log.info(remark) }

        let files = showURI ? DatasetFiles(butler: opened) : nil
        var output = CommandOutput()
        for (type, refs) in result.found {
            let rows: [DatasetRow]
            do {
                rows = try await Self.rows(refs, files)
            } catch {
                // What comes before is complete, and worth having.
                try output.flush()
                throw error
            }
            switch format.format {
            case .json: for row in rows { try output.line(row.jsonLine) }
            case .table:
                for table in DatasetTable.tables(type.name, rows) {
                    let lines = table.lines(isOrdered: !search.order.isEmpty)
                    try output.line()
                    try output.lines(lines.lines, headerCount: lines.headerCount)
                }
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

    private static func rows(_ refs: [DatasetRef], _ files: DatasetFiles?) async throws -> [DatasetRow] {
        guard let files else { return refs.map { DatasetRow(ref: $0, locations: nil) } }
        return try await files.stored(refs).map { ref, stored in
            let locations = try stored.locations().mapValues(\.description)
            return DatasetRow(ref: ref, locations: locations.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        }
    }
}
