import AstroTime
import ByteText
import CLibPQ
import Foundation

/// A row of a result in binary form.
final class PostgreSQLRow: DatabaseRow {
    /// `nil` once the query has ended.
    private var result: PostgreSQLResult?
    private var index: Int32 = 0
    private var types: [Oid] = []
    /// Where values that the server has in another form than callers read them are spelled out, a place a column.
    private var scratch: [[UInt8]] = []

    func stand(at index: Int, of result: PostgreSQLResult) {
        if self.result !== result {
            self.result = result
            let count = Int(PQnfields(result.pointer))
            if types.count != count {
                types = (0..<count).map { PQftype(result.pointer, Int32($0)) }
                scratch = Array(repeating: [], count: count)
            }
        }
        self.index = Int32(truncatingIfNeeded: index)
    }

    func invalidate() { result = nil }

    var columnCount: Int { types.count }

    func isNull(_ column: Int) -> Bool {
        guard let result, types.indices.contains(column) else { return true }
        return PQgetisnull(result.pointer, index, Int32(column)) != 0
    }

    func int(_ column: Int) throws -> Int64 {
        if let number = integer(try bytes(at: column), types[column]) { return number }
        throw mismatch(column, "an integer")
    }

    func value(_ column: Int) throws -> RowValue {
        guard !isNull(column) else {
            _ = try type(of: column)
            return .null
        }
        let bytes = try bytes(at: column)
        switch types[column] {
        case PostgreSQLType.int8, PostgreSQLType.int4, PostgreSQLType.int2, PostgreSQLType.oid, PostgreSQLType.bool:
            return .int(integer(bytes, types[column]) ?? 0)
        case PostgreSQLType.float8, PostgreSQLType.float4: return .double(number(bytes, types[column]) ?? .nan)
        case PostgreSQLType.numeric:
            if let whole = integer(bytes, types[column]) { return .int(whole) }
            return .double(number(bytes, types[column]) ?? .nan)
        case PostgreSQLType.uuid:
            // As 32 digits, which is how the other database has it.
            scratch[column].removeAll(keepingCapacity: true)
            Hexadecimal.append(bytes, to: &scratch[column])
            return .text(scratch[column].withUnsafeBufferPointer { $0 })
        case PostgreSQLType.bytea: return .blob(bytes)
        case let type where Self.isText(type): return .text(bytes)
        default: throw mismatch(column, "a number, text or bytes")
        }
    }

    func double(_ column: Int) throws -> Double {
        if let value = number(try bytes(at: column), types[column]) { return value }
        throw mismatch(column, "a number")
    }

    func bool(_ column: Int) throws -> Bool {
        let bytes = try bytes(at: column)
        switch types[column] {
        case PostgreSQLType.bool: return bytes.first == 1
        default:
            // Conditions without a column may be spelled as numbers.
            switch integer(bytes, types[column]) {
            case 0: return false
            case 1: return true
            default: throw mismatch(column, "true or false")
            }
        }
    }

    func text(_ column: Int) throws -> String { try withText(column) { String(decoding: $0, as: UTF8.self) } }

    func uuid(_ column: Int) throws -> UUID {
        let bytes = try bytes(at: column)
        if types[column] == PostgreSQLType.uuid, bytes.count == 16 {
            return UUID(
                uuid: (
                    bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
                    bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
                ))
        }
        throw mismatch(column, "a UUID")
    }

    func bytes(_ column: Int) throws -> [UInt8] {
        guard let bytes = try withText(column, { Base64.decode($0) }) else { throw mismatch(column, "base64") }
        return bytes
    }

    func blob(_ column: Int) throws -> [UInt8] {
        let bytes = try bytes(at: column)
        guard types[column] == PostgreSQLType.bytea else { throw mismatch(column, "bytes") }
        return Array(bytes)
    }

    func timespan(_ column: Int) throws -> Timespan? {
        guard try type(of: column) == PostgreSQLType.int8range else {
            throw mismatch(column, "a timespan selected as a result")
        }
        if isNull(column) { return nil }
        var bytes = try bytes(at: column)[...]
        guard let flags = bytes.popFirst() else { throw mismatch(column, "a range") }
        if flags & PostgreSQLRange.isEmpty != 0 { return .empty }
        func bound() -> Int64? {
            guard bytes.count >= 12 else { return nil }
            let value = Self.bigEndian(bytes[(bytes.startIndex + 4)..<(bytes.startIndex + 12)])
            bytes = bytes.dropFirst(12)
            return value
        }
        let begin = flags & PostgreSQLRange.hasNoLower != 0 ? Timespan.unbounded.begin.rawValue : bound()
        let end = flags & PostgreSQLRange.hasNoUpper != 0 ? Timespan.unbounded.end.rawValue : bound()
        guard let begin, let end else { throw mismatch(column, "a range of 64-bit integers") }
        return Timespan(storedNanoseconds: begin, end)
    }

    func withText<R>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> R) throws -> R {
        let bytes = try bytes(at: column)
        if types[column] == PostgreSQLType.timestamp {
            return try spelledTime(column, bytes).withUnsafeBufferPointer(body)
        }
        guard Self.isText(types[column]) else { throw mismatch(column, "text") }
        return try body(bytes)
    }

    // MARK: - Forms

    private static func isText(_ type: Oid) -> Bool {
        switch type {
        case PostgreSQLType.text, PostgreSQLType.varchar, PostgreSQLType.bpchar, PostgreSQLType.name, 705: true
        default: false
        }
    }

    private static func bigEndian(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int64 {
        Int64(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    private func integer(_ bytes: UnsafeBufferPointer<UInt8>, _ type: Oid) -> Int64? {
        switch type {
        case PostgreSQLType.int8 where bytes.count == 8:
            Int64(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(as: Int64.self))
        case PostgreSQLType.int4 where bytes.count == 4:
            Int64(Int32(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(as: Int32.self)))
        case PostgreSQLType.int2 where bytes.count == 2:
            Int64(Int16(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(as: Int16.self)))
        case PostgreSQLType.oid where bytes.count == 4:
            Int64(UInt32(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(as: UInt32.self)))
        case PostgreSQLType.bool where bytes.count == 1: Int64(bytes[0])
        case PostgreSQLType.numeric: PostgreSQLNumeric(bytes)?.integer
        default: nil
        }
    }

    private func number(_ bytes: UnsafeBufferPointer<UInt8>, _ type: Oid) -> Double? {
        switch type {
        case PostgreSQLType.float8 where bytes.count == 8:
            Double(
                bitPattern: UInt64(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(as: UInt64.self)))
        case PostgreSQLType.float4 where bytes.count == 4:
            Double(
                Float(bitPattern: UInt32(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(as: UInt32.self))))
        case PostgreSQLType.numeric: PostgreSQLNumeric(bytes)?.double
        case PostgreSQLType.bool: nil
        default: integer(bytes, type).map { Double($0) }
        }
    }

    /// A time without zone as `YYYY-MM-DD HH:MM:SS.ffffff`, which is how the other database has ingest dates of early
    /// repositories. The wire has microseconds since 2000-01-01.
    private func spelledTime(_ column: Int, _ bytes: UnsafeBufferPointer<UInt8>) throws -> [UInt8] {
        guard bytes.count == 8 else { throw mismatch(column, "a time") }
        let microseconds = Int64(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(as: Int64.self))
        let (seconds, rest) = microseconds.flooredQuotientAndRemainder(dividingBy: 1_000_000)
        var time = time_t(seconds + 946_684_800)
        var parts = tm()
        gmtime_r(&time, &parts)
        func padded(_ number: Int32, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let day = "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let clock = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return Array("\(day) \(clock).\(padded(Int32(rest), 6))".utf8)
    }

    // MARK: - Position

    private func type(of column: Int) throws(DatabaseError) -> Oid {
        guard result != nil else { throw .usedOutsideTransaction }
        guard types.indices.contains(column) else {
            throw .unexpectedValue(
                column: "number \(column)", expected: "a column", found: "a row of \(types.count) columns")
        }
        return types[column]
    }

    private func bytes(at column: Int) throws(DatabaseError) -> UnsafeBufferPointer<UInt8> {
        guard let result, types.indices.contains(column) else {
            _ = try type(of: column)
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        let position = Int32(truncatingIfNeeded: column)
        let length = Int(PQgetlength(result.pointer, index, position))
        if length == 0, PQgetisnull(result.pointer, index, position) != 0 { throw mismatch(column, "a value") }
        let address = PQgetvalue(result.pointer, index, position).map {
            UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self)
        }
        return UnsafeBufferPointer(start: address, count: length)
    }

    private func mismatch(_ column: Int, _ expected: String) -> DatabaseError {
        guard let result, types.indices.contains(column) else { return .usedOutsideTransaction }
        let name = PQfname(result.pointer, Int32(column)).map { String(cString: $0) } ?? "number \(column)"
        var found = "a value of the type number \(types[column])"
        if isNull(column) {
            found = "NULL"
        } else if let bytes = try? bytes(at: column) {
            if Self.isText(types[column]) {
                found = "the text '\(String(decoding: bytes.prefix(40), as: UTF8.self))'"
            } else if let number = integer(bytes, types[column]) {
                found = "the integer \(number)"
            } else if let number = number(bytes, types[column]) {
                found = "the number \(number)"
            } else if types[column] == PostgreSQLType.bytea {
                found = "\(bytes.count) binary bytes"
            }
        }
        return .unexpectedValue(column: name, expected: expected, found: found)
    }
}

extension Int64 {
    /// Quotient and remainder, the latter never negative.
    fileprivate func flooredQuotientAndRemainder(dividingBy divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
