import StructuredData
import TableRendering

/// Finished lines of output, ready to leave a database transaction.
struct ResultLines: Sendable {
    var lines: [String]
    /// How many of them are a table's header.
    var headerCount: Int

    /// A table; nothing at all when it has no rows.
    init(_ table: TextTable) {
        lines = table.isEmpty ? [] : table.lines()
        headerCount = table.isEmpty ? 0 : TextTable.headerLineCount
    }

    /// One compact object a line.
    init(json objects: some Sequence<StructuredMapping>) {
        lines = objects.map { object in
            var writer = JSONWriter()
            writer.value(object)
            return writer.text
        }
        headerCount = 0
    }

    init(lines: [String]) {
        self.lines = lines
        headerCount = 0
    }

    /// Prints one object, which says what a command has done, or would do.
    static func print(_ object: StructuredMapping) throws {
        var output = CommandOutput()
        try output.lines(ResultLines(json: [object]).lines, headerCount: 0)
        try output.flush()
    }

    var isEmpty: Bool { lines.isEmpty }

    static let nothingFound = ResultLines(lines: ["No results. Try --help for more information."])
}
