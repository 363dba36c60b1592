import ByteText
import StructuredData

/// A table held as columns: each a flat array of one type, with a mask of nulls where it needs one.
public struct Table: Sendable {
    public let rowCount: Int
    public let columns: [TableColumn]
    /// The table's own metadata, as astropy's `meta`.
    ///
    /// A YAML value with a tag of its own is a mapping with one member whose key is the tag as YAML spells it:
    /// `!astropy.units.Unit {unit: m}` is `["!astropy.units.Unit": ["unit": "m"]]`.
    public var metadata: StructuredMapping
    /// Key and value pairs of an Arrow schema, such as `pandas`, but those that say what other properties of this type
    /// say; text, or bytes where it is none.
    public var schemaMetadata: StructuredMapping

    private let positions: [ExactName: Int]

    /// - Parameter rowCount: needed when no column tells it: without columns or with lists of no cells only.
    /// - Throws: `TableError.duplicateColumn`; `.invalidColumn` for a column with another number of rows.
    public init(_ columns: [TableColumn], rowCount: Int? = nil, metadata: StructuredMapping = [:]) throws(TableError) {
        let rows = rowCount ?? columns.lazy.compactMap(\.rowCount).first ?? 0
        var positions: [ExactName: Int] = Dictionary(minimumCapacity: columns.count)
        for (position, column) in columns.enumerated() {
            if let found = column.rowCount, found != rows {
                throw .invalidColumn(name: column.name, reason: "it has \(found) rows in a table of \(rows)")
            }
            guard positions.updateValue(position, forKey: ExactName(column.name)) == nil else {
                throw .duplicateColumn(name: column.name)
            }
        }
        guard rows >= 0 else { throw .invalidColumn(name: columns.first?.name ?? "", reason: "it has \(rows) rows") }
        self.rowCount = rows
        self.columns = columns
        self.metadata = metadata
        self.positions = positions
        schemaMetadata = [:]
    }

    public var columnNames: [String] { columns.map(\.name) }

    /// The column with this name; case counts. Cost: O(1).
    public subscript(name: String) -> TableColumn? { positions[name].map { columns[$0] } }

    /// The column with this name.
    ///
    /// - Throws: `TableError.unknownColumn` with the names that are there.
    public func column(_ name: String) throws(TableError) -> TableColumn {
        guard let column = self[name] else { throw .unknownColumn(name: name, known: columnNames) }
        return column
    }

    /// The columns that a list of names and patterns selects, in the order of the list and each once.
    ///
    /// Columns whose names begin with `__` are selected by nothing; the index columns of a data frame come along, last.
    ///
    /// - Parameter wanted: names, or patterns with `*`, `?` and `[…]` as in Python's `fnmatchcase`: case counts.
    /// - Throws: `TableError.unknownColumn` for one that selects nothing.
    public static func selection(
        _ wanted: [String], from names: [String], layout: PandasLayout? = nil
    ) throws(TableError) -> [String] {
        var selected: [String] = []
        var seen: Set<ExactName> = []
        let index = Set(names: layout?.indexColumns ?? [])
        let names = names.filter { !$0.hasPrefix("__") || index.contains($0) }
        let visible = names.filter { !$0.hasPrefix("__") }
        let known = Set(names: visible)
        for text in wanted {
            let isPattern = text.utf8.contains { "*?[".utf8.contains($0) }
            let pattern = FilenamePattern(text)
            let found =
                isPattern
                ? visible.filter { $0.hasSameBytes(as: text) || pattern.matches($0) } : known.contains(text) ? [text] : []
            guard !found.isEmpty else { throw .unknownColumn(name: text, known: visible) }
            for name in found where seen.insert(name) { selected.append(name) }
        }
        let all = Set(names: names)
        for name in layout?.indexColumns ?? [] where all.contains(name) && seen.insert(name) {
            selected.append(name)
        }
        return selected
    }

    /// A table with some of the columns, by names and patterns (see `selection(_:from:layout:)`), and all metadata.
    public func selecting(_ wanted: [String]) throws(TableError) -> Table {
        let names = try Self.selection(wanted, from: columnNames, layout: PandasLayout(self))
        var table = try Table(names.compactMap { self[$0] }, rowCount: rowCount, metadata: metadata)
        table.schemaMetadata = schemaMetadata
        return table
    }

    /// The table without its rows: names, types and metadata.
    public var withoutRows: Table { Table(emptied: self) }

    private init(emptied table: Table) {
        rowCount = 0
        columns = table.columns.map(\.withoutRows)
        metadata = table.metadata
        schemaMetadata = table.schemaMetadata
        positions = table.positions
    }
}

extension ColumnValues {
    var emptied: ColumnValues {
        switch self {
        case .bool: .bool([])
        case .int8: .int8([])
        case .int16: .int16([])
        case .int32: .int32([])
        case .int64: .int64([])
        case .uint8: .uint8([])
        case .uint16: .uint16([])
        case .uint32: .uint32([])
        case .uint64: .uint64([])
        case .float: .float([])
        case .double: .double([])
        case .string: .string(VariableValues())
        case .bytes: .bytes(VariableValues())
        case .timestamp(_, let type): .timestamp([], type)
        }
    }
}
