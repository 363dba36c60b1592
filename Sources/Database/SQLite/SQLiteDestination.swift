import ByteText
import Foundation
import GRDBSQLite

/// Where SQLite takes a value from us: a parameter of a statement, or a column of a virtual table. What a call gives is a
/// result code.
protocol SQLiteDestination {
    func takeNull() -> Int32
    func take(_ number: Int64) -> Int32
    func take(_ number: Double) -> Int32
    func take(text: UnsafeRawPointer, count: Int, _ lifetime: sqlite3_destructor_type?) -> Int32
    func take(blob: [UInt8]) -> Int32
}

extension SQLiteDestination {
    /// `SQLITE_TRANSIENT`, which is a cast in C: SQLite copies the value at once.
    static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }
}

/// A parameter of a prepared statement, counted from 1.
struct SQLiteParameter: SQLiteDestination {
    let statement: OpaquePointer
    let index: Int32

    func takeNull() -> Int32 { sqlite3_bind_null(statement, index) }

    func take(_ number: Int64) -> Int32 { sqlite3_bind_int64(statement, index, number) }

    func take(_ number: Double) -> Int32 { sqlite3_bind_double(statement, index, number) }

    func take(text: UnsafeRawPointer, count: Int, _ lifetime: sqlite3_destructor_type?) -> Int32 {
        sqlite3_bind_text64(
            statement, index, text.assumingMemoryBound(to: CChar.self), UInt64(count), lifetime, UInt8(SQLITE_UTF8))
    }

    func take(blob: [UInt8]) -> Int32 {
        // No address means NULL to SQLite, so an empty value takes another call.
        if blob.isEmpty { return sqlite3_bind_zeroblob(statement, index, 0) }
        return blob.withUnsafeBytes {
            sqlite3_bind_blob64(statement, index, $0.baseAddress, UInt64($0.count), Self.copied)
        }
    }
}

/// A column of the row that a virtual table is at. What is too long for SQLite fails the statement.
struct SQLiteResult: SQLiteDestination {
    let context: OpaquePointer?

    func takeNull() -> Int32 {
        sqlite3_result_null(context)
        return SQLITE_OK
    }

    func take(_ number: Int64) -> Int32 {
        sqlite3_result_int64(context, number)
        return SQLITE_OK
    }

    func take(_ number: Double) -> Int32 {
        sqlite3_result_double(context, number)
        return SQLITE_OK
    }

    func take(text: UnsafeRawPointer, count: Int, _ lifetime: sqlite3_destructor_type?) -> Int32 {
        sqlite3_result_text64(
            context, text.assumingMemoryBound(to: CChar.self), UInt64(count), lifetime, UInt8(SQLITE_UTF8))
        return SQLITE_OK
    }

    func take(blob: [UInt8]) -> Int32 {
        if blob.isEmpty { return sqlite3_result_zeroblob64(context, 0) }
        blob.withUnsafeBytes { sqlite3_result_blob64(context, $0.baseAddress, UInt64($0.count), Self.copied) }
        return SQLITE_OK
    }
}

/// Gives values to SQLite. Where they come in rows it holds the texts of one until the next, so that SQLite need not copy them.
final class SQLiteValueWriter {
    private static let size = 4096
    private var texts: UnsafeMutablePointer<UInt8>?
    private var end = 0

    // SQLite may know the addresses until the statement is gone, but reads them only in a step.
    deinit { texts?.deallocate() }

    /// Forgets the texts of the row before.
    func beginRow() {
        if texts == nil { texts = .allocate(capacity: Self.size) }
        end = 0
    }

    /// The result code of `destination`; `SQLITE_MISMATCH` for a timespan, which is two values.
    @inline(__always)
    func write(_ value: SQLValue, to destination: some SQLiteDestination) -> Int32 {
        switch value {
        case .null: destination.takeNull()
        case .bool(let flag): destination.take(flag ? 1 : 0 as Int64)
        case .int(let number): destination.take(number)
        case .double(let number): destination.take(number)
        case .text(let string): write(string, to: destination)
        case .bytes(let bytes): write(Base64.encode(bytes), to: destination)
        case .uuid(let uuid): write(uuid, to: destination)
        case .blob(let bytes): destination.take(blob: bytes)
        case .timespan: SQLITE_MISMATCH
        }
    }

    private func write(_ uuid: UUID, to destination: some SQLiteDestination) -> Int32 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
            withUnsafeBytes(of: uuid.uuid) { Hexadecimal.write($0, to: digits) }
            return write(UnsafeBufferPointer(digits), to: destination)
        }
    }

    private func write(_ text: String, to destination: some SQLiteDestination) -> Int32 {
        var text = text
        return text.withUTF8 { write($0, to: destination) }
    }

    private func write<D: SQLiteDestination>(_ text: UnsafeBufferPointer<UInt8>, to destination: D) -> Int32 {
        guard let address = text.baseAddress else {
            // An empty text needs an address as well: without one SQLite takes NULL.
            return withUnsafePointer(to: 0 as UInt8) { destination.take(text: $0, count: 0, D.copied) }
        }
        guard let texts, text.count <= Self.size - end else {
            return destination.take(text: address, count: text.count, D.copied)
        }
        let kept = texts + end
        kept.update(from: address, count: text.count)
        end += text.count
        return destination.take(text: kept, count: text.count, nil)
    }
}
