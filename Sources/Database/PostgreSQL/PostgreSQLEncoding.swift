import AstroTime
import ByteText
import CLibPQ
import Foundation

/// The values of one execution of a statement, in the binary forms of the protocol.
/// Source: the `…_recv` functions of PostgreSQL 15 (`int8recv`, `range_recv`, `array_recv` and so on).
struct PostgreSQLValues {
    private(set) var types: [Oid] = []
    private var offsets: [Int] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []
    private var bytes: [UInt8] = []

    var count: Int { types.count }

    /// - Parameter row: the values of a template's slots.
    /// - Throws: ``DatabaseError/invalidStatement(_:)`` for a value that a column cannot take.
    init(_ bindings: [SQLBinding], row: [SQLValue] = []) throws(DatabaseError) {
        for binding in bindings {
            switch binding {
            case .value(let value): try append(value, as: value.wireType)
            case .untyped(let value): try append(value, as: PostgreSQLType.unknown)
            case .slot(let slot, _, let type): try append(row[slot], as: type.wireType)
            case .array(let values): try append(array: values)
            }
        }
    }

    /// Rows in the binary form of `COPY`. Source: PostgreSQL 15 documentation, COPY, section "Binary Format".
    static func copyData(_ rows: [[SQLValue]], _ columns: [ColumnType]) throws(DatabaseError) -> [UInt8] {
        let types = columns.map(\.wireType)
        var values = try PostgreSQLValues([])
        values.bytes = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + Array(repeating: 0, count: 8)
        for row in rows {
            values.write(Int16(truncatingIfNeeded: row.count))
            for (value, type) in zip(row, types) { try values.writeMeasured(value, as: type) }
        }
        values.write(Int16(-1))
        return values.bytes
    }

    /// Calls `body` with the addresses, lengths and formats of the values.
    func withArrays<R>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> R
    ) -> R {
        bytes.withUnsafeBytes { buffer in
            // An empty value has an address too: without one it would be NULL.
            var one: UInt8 = 0
            return withUnsafeBytes(of: &one) { nothing in
                let start = (buffer.baseAddress ?? nothing.baseAddress)?.assumingMemoryBound(to: CChar.self)
                let addresses = offsets.map { offset -> UnsafePointer<CChar>? in
                    offset < 0 ? nil : start?.advanced(by: offset)
                }
                return addresses.withUnsafeBufferPointer { addresses in
                    lengths.withUnsafeBufferPointer { lengths in
                        formats.withUnsafeBufferPointer { formats in
                            body(addresses.baseAddress, lengths.baseAddress, formats.baseAddress)
                        }
                    }
                }
            }
        }
    }

    // MARK: - Values

    private mutating func append(_ value: SQLValue, as type: Oid) throws(DatabaseError) {
        types.append(type)
        if type == PostgreSQLType.unknown, case .text(let text) = value {
            // In text form, which the place where it stands makes a value of.
            guard !text.utf8.contains(0) else { throw Self.holdsNUL }
            formats.append(0)
            offsets.append(bytes.count)
            lengths.append(Int32(text.utf8.count))
            bytes.append(contentsOf: Array(text.utf8) + [0])
            return
        }
        // Even NULL counts as binary where it is said to be, which some types do not know.
        formats.append(type == PostgreSQLType.unknown ? 0 : 1)
        if case .null = value {
            offsets.append(-1)
            lengths.append(0)
            return
        }
        offsets.append(bytes.count)
        try write(value, as: type)
        lengths.append(Int32(bytes.count - offsets[offsets.count - 1]))
    }

    private mutating func append(array values: [SQLValue]) throws(DatabaseError) {
        var type = values.first { $0 != .null }?.wireType
        if type == PostgreSQLType.int8, values.contains(where: { $0.wireType == PostgreSQLType.float8 }) {
            type = PostgreSQLType.float8
        }
        guard let type else {
            // Its type is that of the place where it stands, which text leaves open.
            let text = "{" + values.map { _ in "NULL" }.joined(separator: ",") + "}"
            types.append(PostgreSQLType.unknown)
            formats.append(0)
            offsets.append(bytes.count)
            lengths.append(Int32(text.utf8.count))
            bytes.append(contentsOf: Array(text.utf8) + [0])
            return
        }
        types.append(PostgreSQLType.array(of: type))
        formats.append(1)
        offsets.append(bytes.count)
        write(Int32(1))
        write(Int32(values.contains(.null) ? 1 : 0))
        write(Int32(bitPattern: type))
        write(Int32(values.count))
        write(Int32(1))
        for value in values { try writeMeasured(value, as: type) }
        let length = bytes.count - offsets[offsets.count - 1]
        // The server takes values of up to a gigabyte.
        guard length < 1 << 30 else {
            throw .statementTooComplex(reason: "a list of \(values.count) values is too long", database: "PostgreSQL")
        }
        lengths.append(Int32(length))
    }

    /// The length, which is -1 for NULL, and the value.
    private mutating func writeMeasured(_ value: SQLValue, as type: Oid) throws(DatabaseError) {
        if case .null = value {
            write(Int32(-1))
            return
        }
        let place = bytes.count
        write(Int32(0))
        try write(value, as: type)
        let length = Int32(bytes.count - place - 4).bigEndian
        withUnsafeBytes(of: length) { source in
            for (index, byte) in source.enumerated() { bytes[place + index] = byte }
        }
    }

    private static let holdsNUL = DatabaseError.unstorableText

    private mutating func write(_ value: SQLValue, as type: Oid) throws(DatabaseError) {
        switch (value, type) {
        case (.bool(let flag), PostgreSQLType.bool): bytes.append(flag ? 1 : 0)
        case (.bool(let flag), PostgreSQLType.int8): write(flag ? 1 : 0 as Int64)
        case (.int(let number), PostgreSQLType.int8): write(number)
        case (.int(let number), PostgreSQLType.int2):
            guard let short = Int16(exactly: number) else {
                throw .invalidStatement("\(number) does not fit a column of 16 bits")
            }
            write(short)
        case (.int(let number), PostgreSQLType.int4):
            guard let short = Int32(exactly: number) else {
                throw .invalidStatement("\(number) does not fit a column of 32 bits")
            }
            write(short)
        case (.int(let number), PostgreSQLType.float8): write(Double(number).bitPattern)
        case (.int(let number), PostgreSQLType.bool) where number == 0 || number == 1: bytes.append(UInt8(number))
        case (.double(let number), PostgreSQLType.float8): write(number.bitPattern)
        case (.double(let number), PostgreSQLType.int8) where Int64(exactly: number) != nil:
            write(Int64(exactly: number) ?? 0)
        case (.text(let text), PostgreSQLType.text):
            guard !text.utf8.contains(0) else { throw Self.holdsNUL }
            bytes.append(contentsOf: text.utf8)
        case (.bytes(let value), PostgreSQLType.text): bytes.append(contentsOf: Base64.encode(value).utf8)
        case (.blob(let value), PostgreSQLType.bytea): bytes.append(contentsOf: value)
        case (.uuid(let uuid), PostgreSQLType.uuid):
            withUnsafeBytes(of: uuid.uuid) { bytes.append(contentsOf: $0) }
        case (.timespan(let span), PostgreSQLType.int8range): write(span)
        default: throw .invalidStatement("the value \(value) cannot be stored in a column of this type")
        }
    }

    private mutating func write(_ span: Timespan) {
        let flags = PostgreSQLRange.flags(of: span)
        bytes.append(flags)
        if flags & PostgreSQLRange.isEmpty != 0 { return }
        if !span.hasUnboundedBegin {
            write(Int32(8))
            write(span.begin.rawValue)
        }
        if !span.hasUnboundedEnd {
            write(Int32(8))
            write(span.end.rawValue)
        }
    }

    private mutating func write(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// The flags of a range. Source: `rangetypes.h` of PostgreSQL 15.
enum PostgreSQLRange {
    static let isEmpty: UInt8 = 0x01
    static let includesLower: UInt8 = 0x02
    static let hasNoLower: UInt8 = 0x08
    static let hasNoUpper: UInt8 = 0x10

    static func flags(of span: Timespan) -> UInt8 {
        if span.isEmpty { return isEmpty }
        return (span.hasUnboundedBegin ? hasNoLower : includesLower) | (span.hasUnboundedEnd ? hasNoUpper : 0)
    }
}
