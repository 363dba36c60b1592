import AstroTime
import ButlerModel

/// Writes values one after another, for ``PackedReader`` to read in the same order. For files that live no longer than
/// the process.
package struct PackedWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func write(_ number: UInt64) { withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) } }
    package mutating func write(_ number: Int64) { write(UInt64(bitPattern: number)) }
    package mutating func write(_ number: Int) { write(Int64(number)) }
    package mutating func write(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    package mutating func write(_ text: String) {
        write(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func write(_ text: String?) {
        write(text != nil)
        if let text { write(text) }
    }

    package mutating func write(_ data: [UInt8]) {
        write(data.count)
        bytes += data
    }

    package mutating func write(_ span: Timespan) {
        write(span.begin.rawValue)
        write(span.end.rawValue)
    }

    package mutating func write(_ id: DatasetID) {
        write(id.high)
        write(id.low)
    }

    package mutating func write(_ value: DataIDValue) {
        switch value {
        case .int(let number):
            write(false)
            write(number)
        case .string(let text):
            write(true)
            write(text)
        }
    }

    mutating func write(_ identity: FileIdentity) {
        write(identity.inode)
        write(identity.size)
        write(identity.modified)
    }
}

/// Reads what ``PackedWriter`` has written.
package struct PackedReader {
    private let bytes: [UInt8]
    private var position = 0

    /// The bytes are not those that were written.
    package struct Damage: Error {
        package init() {}
    }

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var isAtEnd: Bool { position == bytes.count }

    package mutating func number() throws(Damage) -> UInt64 {
        guard position + 8 <= bytes.count else { throw Damage() }
        defer { position += 8 }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: UInt64.self) }
    }

    package mutating func signed() throws(Damage) -> Int64 { Int64(bitPattern: try number()) }
    package mutating func int() throws(Damage) -> Int { Int(try signed()) }

    package mutating func flag() throws(Damage) -> Bool {
        guard position < bytes.count else { throw Damage() }
        defer { position += 1 }
        return bytes[position] != 0
    }

    package mutating func text() throws(Damage) -> String {
        let count = try int()
        guard count >= 0, position + count <= bytes.count else { throw Damage() }
        defer { position += count }
        return String(decoding: bytes[position..<(position + count)], as: UTF8.self)
    }

    package mutating func data() throws(Damage) -> [UInt8] {
        let count = try int()
        guard count >= 0, position + count <= bytes.count else { throw Damage() }
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }

    package mutating func timespan() throws(Damage) -> Timespan {
        Timespan(storedNanoseconds: try signed(), try signed())
    }

    package mutating func optionalText() throws(Damage) -> String? { try flag() ? try text() : nil }
    package mutating func id() throws(Damage) -> DatasetID { DatasetID(high: try number(), low: try number()) }
    package mutating func value() throws(Damage) -> DataIDValue { try flag() ? .string(try text()) : .int(try signed()) }

    mutating func identity() throws(Damage) -> FileIdentity {
        FileIdentity(inode: try number(), size: try signed(), modified: try signed())
    }
}
