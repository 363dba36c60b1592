import Foundation
import GRDB
import GRDBSQLite

/// A prepared statement of one connection, bound and stepped through SQLite's own interface.
final class SQLiteStatement {
    let text: String
    /// Whether a query over this statement is in progress, so that it can not be used a second time.
    var isBusy = false

    private let statement: GRDB.Statement
    let pointer: OpaquePointer
    private var layout: SQLiteRowLayout?
    private let writer = SQLiteValueWriter()

    init(_ statement: GRDB.Statement, text: String) {
        self.statement = statement
        self.text = text
        pointer = statement.sqliteStatement
    }

    /// Which columns a row has. It changes only if the schema does.
    var rowLayout: SQLiteRowLayout {
        let count = sqlite3_column_count(pointer)
        if let layout, layout.physicalCount == count { return layout }
        let layout = SQLiteRowLayout(pointer)
        self.layout = layout
        return layout
    }

    func reset() { sqlite3_reset(pointer) }

    // MARK: - Binding

    /// Binds the values of a statement, taking those of a template from `row`.
    func bind(_ bindings: [SQLBinding], row: [SQLValue] = []) throws {
        if !row.isEmpty { writer.beginRow() }
        for (index, binding) in bindings.enumerated() {
            let parameter = SQLiteParameter(statement: pointer, index: Int32(index + 1))
            let code =
                switch binding {
                case .value(let value), .untyped(let value): writer.write(value, to: parameter)
                case .slot(let slot, .whole, _): writer.write(row[slot], to: parameter)
                case .slot(let slot, let part, _): writer.write(row[slot].part(part), to: parameter)
                case .array: SQLITE_MISUSE
                }
            guard code == SQLITE_OK else {
                throw DatabaseError.invalidStatement("value \(index + 1) can not be bound: it is too long for SQLite")
            }
        }
    }
}

/// Where the logical columns of a row are among the physical ones.
struct SQLiteRowLayout {
    let physicalCount: Int32
    /// The physical position of each logical column; `nil` when no timespan shifts them.
    let positions: [Int32]?
    /// Whether each logical column is a pair of columns.
    let isPair: [Bool]

    var count: Int { positions?.count ?? Int(physicalCount) }

    init(_ statement: OpaquePointer) {
        physicalCount = sqlite3_column_count(statement)
        var positions: [Int32] = []
        var isPair: [Bool] = []
        var position: Int32 = 0
        while position < physicalCount {
            let begins =
                sqlite3_column_name(statement, position).map {
                    strcmp($0, SQLiteRules.resultBegin) == 0
                } ?? false
            positions.append(position)
            isPair.append(begins)
            position += begins ? 2 : 1
        }
        let hasPairs = isPair.contains(true)
        self.positions = hasPairs ? positions : nil
        self.isPair = hasPairs ? isPair : []
    }
}
