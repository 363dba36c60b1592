import GRDBSQLite

/// Rows that one statement inserts, as a virtual table of one connection: `INSERT … SELECT * FROM` it.
///
/// A statement for each row opens the table, its indexes and those that it refers to each time, which for the tags of datasets
/// takes as long as the insertion.
final class SQLiteRows {
    /// The most rows that one statement inserts. So that it can be undone, SQLite keeps pages that the transaction had changed
    /// before as they were, beyond 64 KiB in a temporary file: the more rows, the fewer pages are kept again and again.
    static let most = 5_000

    /// A connection has one table for each number of columns.
    private let columnCount: Int
    var name: String { "steward_rows_\(columnCount)" }

    /// Rows of equally many values.
    struct Piece {
        private(set) var count = 0
        private var width = 0
        private var values: [SQLValue] = []

        mutating func append(_ row: [SQLValue]) {
            width = row.count
            count += 1
            values.append(contentsOf: row)
        }

        mutating func removeAll() {
            count = 0
            values.removeAll(keepingCapacity: true)
        }

        subscript(row: Int) -> ArraySlice<SQLValue> { values[row * width..<(row + 1) * width] }
        subscript(row: Int, slot: Int) -> SQLValue { values[row * width + slot] }
    }

    private var rows = Piece()
    private var columns: [(slot: Int, part: SQLBinding.SlotPart)] = []
    private let writer = SQLiteValueWriter()

    /// Makes the table known to a connection, for as long as that is open.
    init(_ columnCount: Int, on connection: OpaquePointer?) throws {
        self.columnCount = columnCount
        let code = sqlite3_create_module_v2(
            connection, name, Self.module, Unmanaged.passRetained(self).toOpaque(),
            { $0.map { Unmanaged<SQLiteRows>.fromOpaque($0).release() } })
        guard code == SQLITE_OK else {
            throw DatabaseError.invalidStatement("SQLite refuses a virtual table: \(String(cString: sqlite3_errstr(code)))")
        }
    }

    /// Has the table hold `rows` while `body` runs. `bindings` are those of the template that the rows are for.
    func holding<T>(_ rows: Piece, for bindings: [SQLBinding], _ body: () throws -> T) rethrows -> T {
        self.rows = rows
        columns = bindings.compactMap { if case .slot(let slot, let part, _) = $0 { (slot, part) } else { nil } }
        defer { self.rows = Piece() }
        return try body()
    }

    private func write(row: Int, column: Int, to result: SQLiteResult) -> Int32 {
        let (slot, part) = columns[column]
        return switch part {
        case .whole: writer.write(rows[row, slot], to: result)
        default: writer.write(rows[row, slot].part(part), to: result)
        }
    }

    // MARK: - What SQLite calls (https://sqlite.org/vtab.html)

    /// What SQLite knows a table by; its own part comes first.
    private struct Table {
        var base = sqlite3_vtab()
        let rows: Unmanaged<SQLiteRows>
    }

    /// A place among the rows.
    private struct Cursor {
        var base = sqlite3_vtab_cursor()
        let rows: Unmanaged<SQLiteRows>
        var position = 0
    }

    private static func cursor(_ pointer: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> UnsafeMutablePointer<Cursor> {
        UnsafeMutableRawPointer(pointer.unsafelyUnwrapped).assumingMemoryBound(to: Cursor.self)
    }

    /// A table that need not be created. SQLite keeps the address; nobody changes what is there.
    nonisolated(unsafe) private static let module: UnsafeMutablePointer<sqlite3_module> = {
        var module = sqlite3_module()
        module.xConnect = { connection, rows, _, _, table, _ in
            let rows = Unmanaged<SQLiteRows>.fromOpaque(rows.unsafelyUnwrapped)
            let names = (0..<rows.takeUnretainedValue().columnCount).map { "c\($0)" }.joined(separator: ", ")
            let code = sqlite3_declare_vtab(connection, "CREATE TABLE rows (\(names))")
            guard code == SQLITE_OK else { return code }
            let made = UnsafeMutablePointer<Table>.allocate(capacity: 1)
            made.initialize(to: Table(rows: rows))
            table?.pointee = UnsafeMutableRawPointer(made).assumingMemoryBound(to: sqlite3_vtab.self)
            return SQLITE_OK
        }
        module.xDisconnect = { table in
            UnsafeMutableRawPointer(table)?.deallocate()
            return SQLITE_OK
        }
        module.xBestIndex = { _, plan in
            plan?.pointee.estimatedRows = Int64(most)
            return SQLITE_OK
        }
        module.xOpen = { table, cursor in
            let rows = UnsafeMutableRawPointer(table.unsafelyUnwrapped).assumingMemoryBound(to: Table.self).pointee.rows
            let made = UnsafeMutablePointer<Cursor>.allocate(capacity: 1)
            made.initialize(to: Cursor(rows: rows))
            cursor?.pointee = UnsafeMutableRawPointer(made).assumingMemoryBound(to: sqlite3_vtab_cursor.self)
            return SQLITE_OK
        }
        module.xClose = { cursor in
            UnsafeMutableRawPointer(cursor)?.deallocate()
            return SQLITE_OK
        }
        module.xFilter = { pointer, _, _, _, _ in
            let cursor = SQLiteRows.cursor(pointer)
            cursor.pointee.position = 0
            cursor.pointee.rows._withUnsafeGuaranteedRef { $0.writer.beginRow() }
            return SQLITE_OK
        }
        module.xNext = { pointer in
            let cursor = SQLiteRows.cursor(pointer)
            cursor.pointee.position += 1
            cursor.pointee.rows._withUnsafeGuaranteedRef { $0.writer.beginRow() }
            return SQLITE_OK
        }
        module.xEof = { pointer in
            let cursor = SQLiteRows.cursor(pointer).pointee
            return cursor.rows._withUnsafeGuaranteedRef { cursor.position < $0.rows.count } ? 0 : 1
        }
        module.xColumn = { pointer, context, column in
            let cursor = SQLiteRows.cursor(pointer).pointee
            return cursor.rows._withUnsafeGuaranteedRef {
                $0.write(row: cursor.position, column: Int(column), to: SQLiteResult(context: context))
            }
        }
        module.xRowid = { pointer, number in
            number?.pointee = Int64(SQLiteRows.cursor(pointer).pointee.position)
            return SQLITE_OK
        }
        let kept = UnsafeMutablePointer<sqlite3_module>.allocate(capacity: 1)
        kept.initialize(to: module)
        return kept
    }()
}
