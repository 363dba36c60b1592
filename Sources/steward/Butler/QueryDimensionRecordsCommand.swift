import ArgumentParser
import AstroTime
import Butler
import ButlerModel
import ByteText
import StructuredData
import TableRendering

struct QueryDimensionRecordsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query-dimension-records",
        abstract: "Lists the records of a dimension or another dimension element.",
        discussion: """
            With --format json each line is an object with the keys definition (the element) and record, whose keys \
            are the element's columns. Timespans are pairs of nanoseconds (TAI) since 1970, regions and hashes are \
            hexadecimal.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "The dimension or element, as in detector or visit_detector_region.")
    var element: String

    @OptionGroup var options: DataIDQueryOptions

    @Flag(help: "Has no effect; accepted for old scripts.")
    var noCheck = false

    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func run() async throws {
        let log = CommandLog(try butler.logging.settings(), command: "query-dimension-records")
        var output = CommandOutput()
        let isTable = format.format == .table
        if noCheck {
            // Upstream prints this among the results; programs that read JSON must not find it there.
            let text = "WARNING: --no-check option has no effect and will be removed after v28."
            if isTable { try output.line(text) } else { try log.warning(text) }
        }
        try output.flush()
        try options.requireNoOffset()
        let opened = try await DirectButler.open(repository.repository)
        var records = try await find(opened)
        if options.limit.cut(&records, total: records.count) {
            try log.warning("More data IDs are available than the request limit of \(options.limit.maximum)")
        }
        if options.order.isEmpty {
            records.sort { $0.requiredValues.lexicographicallyPrecedes($1.requiredValues) }
        }
        let lines: ResultLines
        if !isTable {
            lines = ResultLines(json: records.compactMap(\.wire.objectValue))
        } else if let first = records.first {
            lines = ResultLines(Self.table(records, of: first.element))
        } else {
            lines = .nothingFound
        }
        try output.lines(lines.lines, headerCount: lines.headerCount)
        try output.flush()
    }

    private func find(_ opened: DirectButler) async throws -> [DimensionRecord] {
        var query = opened.query
        if let datasets = options.datasets, !datasets.isEmpty {
            let collections = options.collections
            let constraint = try await opened.registry.read { try DatasetConstraint(datasets, collections, in: $0) }
            guard !constraint.searches.isEmpty else { return [] }
            query = constraint.join(to: query)
        }
        return try await query.dimensionRecords(element).where(options.expression).orderBy(options.order)
            .limit(options.limit.sought).all()
    }

    private static func table(_ records: [DimensionRecord], of element: DimensionElement) -> TextTable {
        var table = TextTable(columns: element.columns.map { $0.name == "timespan" ? "timespan (TAI)" : $0.name })
        for record in records { table.append(record.values.map(\.tableText)) }
        return table
    }
}

extension ColumnValue {
    /// The value as tables show it, which is how Python prints it; regions are too long to show.
    fileprivate var tableText: String {
        switch self {
        case .null: "None"
        case .bool(let value): value ? "True" : "False"
        case .int(let value): String(value)
        case .float(let value): Self.text(value)
        case .string(let value): value
        case .hash(let bytes): "0x" + Hexadecimal.encode(bytes)
        case .uuid(let id): id.description
        case .region: "(elided)"
        case .timespan(let span): span.description
        case .datetime(let time): String(time.rawValue)
        }
    }

    /// As Python's `str` prints a float.
    private static func text(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        var writer = JSONWriter()
        writer.value(value)
        return writer.text
    }
}
