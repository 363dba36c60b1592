import ByteText
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
    /// The texts of a row that is inserted, until the next, so that SQLite need not copy them.
    private var texts: UnsafeMutableRawBufferPointer?
    private var textsEnd = 0

    private static let textsSize = 4096

    init(_ statement: GRDB.Statement, text: String) {
        self.statement = statement
        self.text = text
        pointer = statement.sqliteStatement
    }

    deinit {
        // SQLite may hold the addresses until the statement is gone, but reads them only in a step.
        texts?.deallocate()
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
        textsEnd = 0
        if !row.isEmpty, texts == nil { texts = .allocate(byteCount: Self.textsSize, alignment: 1) }
        for (index, binding) in bindings.enumerated() {
            let code =
                switch binding {
                case .value(let value), .untyped(let value): bind(value, at: Int32(index + 1))
                case .slot(let slot, .whole, _): bind(row[slot], at: Int32(index + 1))
                case .slot(let slot, let part, _): bind(row[slot].part(part), at: Int32(index + 1))
                case .array: SQLITE_MISUSE
                }
            guard code == SQLITE_OK else {
                throw DatabaseError.invalidStatement("value \(index + 1) can not be bound: it is too long for SQLite")
            }
        }
    }

    private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(pointer, index)
        case .bool(let flag): return sqlite3_bind_int64(pointer, index, flag ? 1 : 0)
        case .int(let number): return sqlite3_bind_int64(pointer, index, number)
        case .double(let number): return sqlite3_bind_double(pointer, index, number)
        case .text(let string): return bind(text: string, at: index)
        case .bytes(let bytes): return bind(text: Base64.encode(bytes), at: index)
        case .uuid(let uuid): return bind(uuid, at: index)
        case .blob(let bytes):
            // No address means NULL to SQLite, so an empty value takes another call.
            if bytes.isEmpty { return sqlite3_bind_zeroblob(pointer, index, 0) }
            return bytes.withUnsafeBytes { buffer in
                sqlite3_bind_blob64(pointer, index, buffer.baseAddress, UInt64(buffer.count), Self.copied)
            }
        // Only columns and conditions of timespan type can take one, and those bind its two halves.
        case .timespan: return SQLITE_MISMATCH
        }
    }

    private func bind(_ uuid: UUID, at index: Int32) -> Int32 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
            withUnsafeBytes(of: uuid.uuid) { Hexadecimal.write($0, to: digits) }
            return bind(UnsafeBufferPointer(digits), at: index)
        }
    }

    private func bind(text: String, at index: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bind($0, at: index) }
    }

    private func bind(_ text: UnsafeBufferPointer<UInt8>, at index: Int32) -> Int32 {
        guard let address = text.baseAddress, !text.isEmpty else {
            return sqlite3_bind_text64(pointer, index, "", 0, Self.copied, UInt8(SQLITE_UTF8))
        }
        var kept: (address: UnsafeRawPointer, destructor: sqlite3_destructor_type?) = (UnsafeRawPointer(address), Self.copied)
        if let texts, let base = texts.baseAddress, textsEnd + text.count <= texts.count {
            (base + textsEnd).copyMemory(from: address, byteCount: text.count)
            kept = (UnsafeRawPointer(base + textsEnd), nil)
            textsEnd += text.count
        }
        return sqlite3_bind_text64(
            pointer, index, kept.address.assumingMemoryBound(to: CChar.self), UInt64(text.count), kept.destructor,
            UInt8(SQLITE_UTF8))
    }

    /// `SQLITE_TRANSIENT`, which is a cast in C: SQLite copies the value at once.
    private static var copied: sqlite3_destructor_type {
        unsafeBitCast(-1, to: sqlite3_destructor_type.self)
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
