import ArgumentParser
import Butler
import ButlerModel
import StructuredData
import TableRendering

struct QueryDataIDsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query-data-ids",
        abstract: "Lists data IDs.",
        discussion: """
            With --format json each line is an object with the dimensions as keys. Why there are no results is then \
            logged.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(
        help: ArgumentHelp(
            """
            Dimensions of the data IDs, completed by those that they require and imply. (default: those that all types of \
            --datasets have, if --collections is given too)
            """, valueName: "dimensions"))
    var dimensionArguments: [String] = []

    @OptionGroup var options: DataIDQueryOptions
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "query-data-ids")
        try options.requireNoOffset()
        let opened = try await DirectButler.open(repository.repository)
        var dimensions = CommaSeparated.values(dimensionArguments)
        var query = opened.query
        if let datasets = options.datasets, !datasets.isEmpty {
            let collections = options.collections
            let constraint = try await opened.registry.read { try DatasetConstraint(datasets, collections, in: $0) }
            if dimensions.isEmpty, !collections.isEmpty {
                dimensions = constraint.commonDimensions
                guard !dimensions.isEmpty else {
                    let names = constraint.types.map { "'\($0.name)'" }.joined(separator: ", ")
                    return try printNothing(
                        "No dimensions in common for specified dataset types ([\(names)])", dimensions, log)
                }
                try log.info("Determined dimensions \(dimensions.joined(separator: ", ")) from --datasets \(datasets)")
            }
            guard !constraint.searches.isEmpty else {
                return try printNothing(
                    "No datasets of type '\(datasets)' existed in the specified collections "
                        + "\(constraint.collections.joined(separator: ",")).", dimensions, log)
            }
            query = constraint.join(to: query)
        }

        let results = query.dataIDs(dimensions).where(options.expression).orderBy(options.order)
            .limit(options.limit.sought)
        var seen: Set<DataCoordinate> = []
        var dataIDs: [DataCoordinate] = []
        for try await dataID in results where seen.insert(dataID).inserted { dataIDs.append(dataID) }
        if dataIDs.isEmpty {
            let reason =
                try await results.any(isExact: false)
                ? "Post-query region filtering removed all rows, since nothing overlapped."
                : try await results.explainNoResults().joined(separator: "\n")
            // Upstream says nothing then, and what goes to standard output is its.
            if reason.isEmpty {
                for reason in try await results.diagnoseNoResults() { try log.warning(reason) }
            }
            return try printNothing(reason, dimensions, log)
        }
        guard !dimensions.isEmpty else {
            return try printNothing(
                "Result has one logical row but no columns because no dimensions were requested.", dimensions, log)
        }
        if options.limit.cut(&dataIDs, total: dataIDs.count) {
            try log.warning("More data IDs are available than the request limit of \(options.limit.maximum)")
        }
        try printFound(dataIDs)
    }

    private func printFound(_ dataIDs: [DataCoordinate]) throws {
        var output = CommandOutput()
        switch format.format {
        case .json:
            let objects = dataIDs.map { StructuredMapping($0.pairs.map { ($0.name, $0.value.wire) }) }
            for line in ResultLines(json: objects).lines { try output.line(line) }
        case .table:
            guard let group = dataIDs.first?.group else { break }
            let order = DataIDOrder(standardFor: group)
            var table = TextTable(columns: group.keyNames)
            for dataID in options.order.isEmpty ? dataIDs.sorted(by: order.precedes) : dataIDs {
                table.append(dataID.values.map(\.description))
            }
            let lines = ResultLines(table)
            try output.lines(lines.lines, headerCount: lines.headerCount)
        }
        try output.flush()
    }

    private func printNothing(_ reason: String, _ dimensions: [String], _ log: CommandLog) throws {
        guard format.format == .table else {
            if !reason.isEmpty { try log.info(reason) }
            return
        }
        var output = CommandOutput()
        if !reason.isEmpty { try output.line(reason) }
        let isBare = CommaSeparated.values(dimensionArguments).isEmpty && (options.datasets ?? "").isEmpty
        try output.line(
            isBare
                ? "No results. Try requesting some dimensions or datasets, see --help for more information."
                : "No results. Try --help for more information.")
        try output.flush()
    }
}
