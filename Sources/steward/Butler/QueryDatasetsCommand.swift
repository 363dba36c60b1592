import ArgumentParser
import Butler
import ButlerModel

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
        let files = showURI ? opened : nil
        let (isTable, isOrdered) = (format.format == .table, !search.order.isEmpty)
        let outcome = try await search.run(opened) { type, refs in
            let rows = try await Self.rows(refs, files)
            // What is printed is complete, whatever happens to the next type.
            var output = CommandOutput()
            if isTable {
                for table in DatasetTable.tables(type.name, rows) {
                    let lines = table.lines(isOrdered: isOrdered)
                    try output.line()
                    try output.lines(lines.lines, headerCount: lines.headerCount)
                }
            } else {
                for row in rows { try output.line(row.jsonLine) }
            }
            try output.flush()
        }
        if let remark = outcome.remark { try log.info(remark) }
        if isTable {
            var output = CommandOutput()
            try output.line()
            try output.flush()
        }
        if outcome.isCut { try log.warning(search.cutWarning) }
    }

    private static func rows(_ refs: [DatasetRef], _ files: DirectButler?) async throws -> [DatasetRow] {
        guard let files else { return refs.map { DatasetRow(ref: $0, locations: nil) } }
        return try await files.storedDatasets(refs).map { ref, stored in
            let locations = try stored.locations().mapValues(\.description)
            return DatasetRow(ref: ref, locations: locations.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        }
    }
}
