import ArgumentParser
import AstroTime
import Butler
import ButlerModel
import ByteText
import Registry
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

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("List only records for which datasets of this type exist: a name.", valueName: "name"))
    var datasets: String?

    @Option(
        name: .customLong("collections"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Collections to search for --datasets: names or globs, separated by commas. (default: all)",
            valueName: "names"))
    var collectionArguments: [String] = []

    @Option(
        name: .customLong("where"), parsing: .unconditional,
        help: ArgumentHelp("Expression that the records must satisfy.", valueName: "expression"))
    var expression: String = ""

    @Option(
        name: .customLong("order-by"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            """
            Columns of the element to order by, separated by commas; also timespan.begin and timespan.end; '-' before \
            a name reverses the order.
            """, valueName: "names"))
    var orderArguments: [String] = []

    @Option(parsing: .unconditional, help: ResultLimit.help)
    var limit = ResultLimit.standard

    @Option(parsing: .unconditional, help: ArgumentHelp("No longer supported; only 0.", valueName: "number"))
    var offset = 0

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
        guard offset == 0 else { throw CommandFailure.refused("--offset is no longer supported; leave it out.") }
        try ExpressionSupport.requireNone(expression)
        let query = RecordQuery(
            element: element, datasets: datasets.flatMap { $0.isEmpty ? nil : $0 },
            collections: CommaSeparated.values(collectionArguments),
            order: CommaSeparated.values(orderArguments), limit: limit)

        let registry = try await DirectButler.open(repository.repository).registry
        let (lines, isCut) = try await registry.read { snapshot -> (ResultLines, Bool) in
            let result = try query.run(snapshot)
            if !isTable { return (ResultLines(json: result.records.compactMap(\.wire.objectValue)), result.isCut) }
            guard let first = result.records.first else { return (.nothingFound, result.isCut) }
            return (ResultLines(Self.table(result.records, of: first.element)), result.isCut)
        }
        if isCut {
            try log.warning("There are more records than the limit of \(limit.maximum); raise --limit to see them.")
        }
        try output.lines(lines.lines, headerCount: lines.headerCount)
        try output.flush()
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
