import ByteText
import CArrow
import StructuredData
import Tables

/// An open Parquet file.
///
/// Opening reads the description at its end, `read` the columns that are wanted. All calls block and use the processor:
/// make them on a thread pool for blocking work, one thread at a time. The work is Apache Arrow's.
public final class ParquetFile {
    /// Whether Parquet can be read and written: the library with Apache Arrow is there. The first question loads it.
    public static var isAvailable: Bool { carrow_version() != nil }

    /// The version of Apache Arrow in use.
    public static var libraryVersion: String? { carrow_version().map { String(cString: $0) } }

    /// - Throws: `TableError.withoutParquet` when Apache Arrow is not there.
    static func requireLibrary() throws(TableError) {
        guard let problem = carrow_problem() else { return }
        let reason = String(cString: problem)
        throw .withoutParquet(problem: reason.isEmpty ? nil : reason)
    }

    public let rowCount: Int
    /// What messages call the file.
    private let name: String
    private let reader: OpaquePointer
    /// Keeps the bytes of a file in memory in place as long as it is read.
    private let memory: UnsafeMutableBufferPointer<UInt8>?
    private let fields: [ParquetField]
    private let schemaMetadata: ParquetMetadata

    /// - Throws: `TableError.malformedParquet`; `.withoutParquet` without Apache Arrow.
    public convenience init(contentsOf path: String) throws(TableError) { try self.init(path: path, bytes: nil, name: path) }

    /// Opens a file in memory, of which a copy is made. `name` is what errors call it.
    public convenience init(bytes: [UInt8], name: String = "Parquet data") throws(TableError) {
        try self.init(path: nil, bytes: bytes, name: name)
    }

    private init(path: String?, bytes: [UInt8]?, name: String) throws(TableError) {
        try Self.requireLibrary()
        var memory: UnsafeMutableBufferPointer<UInt8>?
        if let bytes {
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
            _ = copy.initialize(fromContentsOf: bytes)
            memory = copy
        }
        var error: UnsafeMutablePointer<CChar>?
        guard let reader = carrow_open(path, memory?.baseAddress, Int64(memory?.count ?? 0), &error) else {
            memory?.deallocate()
            throw .malformedParquet(file: name, reason: ArrowText.take(error))
        }
        self.name = name
        self.memory = memory
        self.reader = reader
        let rows = Int(carrow_row_count(reader))
        do throws(TableError) {
            var fields: [ParquetField] = []
            for column in 0..<carrow_field_count(reader) { fields.append(ParquetField(carrow_get_field(reader, column))) }
            let metadata = try ParquetMetadata(ArrowText.mapping(carrow_schema_metadata(reader)), file: name)
            self.fields = fields
            schemaMetadata = metadata
            rowCount = rows
        } catch {
            carrow_close(reader)
            memory?.deallocate()
            throw error
        }
    }

    deinit {
        carrow_close(reader)
        memory?.deallocate()
    }

    public var columnNames: [String] { fields.map(\.name) }

    /// A column as the file describes it, be it of a type that tables do not hold.
    public struct ColumnDescription: Sendable {
        public var name: String
        /// As Arrow calls it, such as `date32[day]` or `decimal128(10, 2)`.
        public var typeName: String
        public var unit: String?
        public var description: String?
    }

    public var columnDescriptions: [ColumnDescription] {
        fields.map { field in
            ColumnDescription(
                name: field.name, typeName: field.typeName, unit: field.unit, description: field.fieldDescription)
        }
    }

    /// Columns of types that tables do not hold.
    public var unsupportedColumns: [String] { fields.filter { CellSink.make($0) == nil }.map(\.name) }

    /// The first rows of all columns that a table can hold.
    ///
    /// - Throws: `TableError.malformedParquet`.
    public func head(rows: Int) throws(TableError) -> Table {
        try read(fields.indices.filter { CellSink.make(fields[$0]) != nil }, limit: max(0, rows))
    }

    /// The table without its rows. Nothing more is read from the file.
    ///
    /// - Throws: `TableError.unsupportedType`, and `.malformedParquet` for metadata that contradict the columns.
    public func schema() throws(TableError) -> Table {
        var columns: [TableColumn] = []
        for field in fields { columns.append(try column(field, nil)) }
        return try assembled(columns, rows: 0)
    }

    /// Reads the table, or some of its columns.
    ///
    /// - Parameters:
    ///   - wanted: names and patterns (`Table.selection(_:from:layout:)`); `nil` for all.
    ///   - limit: the number of rows to read from the beginning; what lies beyond is not decoded.
    /// - Throws: `TableError.unknownColumn`, `.unsupportedType` for a wanted column, `.malformedParquet`.
    public func read(columns wanted: [String]? = nil, limit: Int? = nil) throws(TableError) -> Table {
        var selected = Array(fields.indices)
        if let wanted {
            let names = try Table.selection(
                wanted, from: columnNames, layout: PandasLayout(schemaMetadata.rest))
            var positions: [ExactName: Int] = [:]
            for (position, field) in fields.enumerated() { positions[field.name] = position }
            selected = names.compactMap { positions[$0] }
        }
        return try read(selected, limit: limit)
    }

    private func read(_ selected: [Int], limit: Int?) throws(TableError) -> Table {
        let rows = min(rowCount, limit ?? rowCount)
        var columns: [TableColumn] = []
        for position in selected {
            let field = fields[position]
            guard let sink = CellSink.make(field) else {
                throw .unsupportedType(column: field.name, type: field.typeName)
            }
            var error: UnsafeMutablePointer<CChar>?
            let found = carrow_read_column(
                reader, Int64(position), Int64(limit ?? -1), Unmanaged.passUnretained(sink).toOpaque(),
                { context, part in
                    guard let context, let part else { return }
                    Unmanaged<CellSink>.fromOpaque(context).takeUnretainedValue().add(part.pointee)
                }, &error)
            guard found >= 0 else {
                throw .malformedParquet(file: name, reason: "column '\(field.name)': \(ArrowText.take(error))")
            }
            guard found == rows else {
                throw .malformedParquet(
                    file: name, reason: "column '\(field.name)' has \(found) rows where the file has \(rows)")
            }
            columns.append(try column(field, sink))
        }
        return try assembled(columns, rows: rows)
    }

    private func column(_ field: ParquetField, _ sink: CellSink?) throws(TableError) -> TableColumn {
        guard let sink = sink ?? CellSink.make(field) else {
            throw .unsupportedType(column: field.name, type: field.typeName)
        }
        var shape = field.listSize.map { [$0] } ?? []
        if let recorded = schemaMetadata.shapes[field.name], let size = field.listSize {
            // A shape that does not make up the list cannot be right.
            guard TableColumn.product(recorded) == size else {
                throw .malformedParquet(
                    file: name, reason: "column '\(field.name)' has lists of \(size) and a recorded shape \(recorded)")
            }
            shape = recorded
        }
        var column = try TableColumn(
            field.name, sink.values, validity: sink.validity, shape: shape, unit: field.unit,
            description: field.fieldDescription)
        column.fieldMetadata = field.rest
        column.isLarge = field.typeName == "large_string" || field.typeName == "large_binary"
        column.width = schemaMetadata.widths[field.name]
        schemaMetadata.describe(&column)
        return column
    }

    private func assembled(_ columns: [TableColumn], rows: Int) throws(TableError) -> Table {
        var table = try Table(columns, rowCount: rows, metadata: schemaMetadata.tableMetadata)
        table.schemaMetadata = schemaMetadata.rest
        return table
    }
}
