import AstroTime
import ButlerModel
import ByteText
import Database
import Registry
import StructuredData

/// A part of the JSON text of a row: fixed text, or the value of a column.
///
/// A result is compiled into pieces once; each row then writes them, straight from the database's memory.
enum RowPiece {
    case text([UInt8])
    case int(Int)
    case float(Int)
    case bool(Int)
    case string(Int)
    /// A UUID, in quotes and with dashes.
    case uuid(Int)
    /// Bytes that the database keeps as base64, as hexadecimal text.
    case hexadecimal(Int)
    case timespan(Int)
    /// The name of the collection whose key the column holds.
    case collection(Int, CollectionNames)
    /// An ingest date that the database keeps as text in UTC.
    case ingestDateText(Int)
    /// The key of a dimension that follows from a record held in memory.
    case derivedKey(DerivedKey)

    /// The value of a column of a record.
    init(_ column: Int, type: ElementColumnType) {
        switch type {
        case .int, .datetime: self = .int(column)
        case .string: self = .string(column)
        case .float: self = .float(column)
        case .bool: self = .bool(column)
        case .uuid: self = .uuid(column)
        case .hash, .region: self = .hexadecimal(column)
        case .timespan: self = .timespan(column)
        }
    }

    func write(_ row: any DatabaseRow, to writer: inout JSONWriter) throws {
        switch self {
        case .text(let bytes): writer.bytes.append(contentsOf: bytes)
        case .int(let column):
            if let number = try row.optionalInt(column) { writer.appendInteger(number) } else { writer.appendNull() }
        case .float(let column):
            if row.isNull(column) { writer.appendNull() } else { writer.appendDouble(try row.double(column)) }
        case .bool(let column):
            if row.isNull(column) {
                writer.appendNull()
            } else {
                writer.bytes.append(contentsOf: try row.bool(column) ? Self.trueText : Self.falseText)
            }
        case .string(let column):
            if let text = try row.utf8(column) { writer.appendString(utf8: text) } else { writer.appendNull() }
        case .uuid(let column):
            if let text = try row.utf8(column) {
                // Other spellings than the one that registries store take the long way.
                if !writer.appendUUID(compact: text) { writer.appendString(DatasetID(try row.uuid(column)).description) }
            } else {
                writer.appendNull()
            }
        case .hexadecimal(let column):
            guard let text = try row.utf8(column) else {
                writer.appendNull()
                return
            }
            writer.bytes.append(UInt8(ascii: "\""))
            // If this is no base64, reading it as bytes throws the error that names the column.
            if !Base64.appendHexadecimal(of: text, to: &writer.bytes) { _ = try row.bytes(column) }
            writer.bytes.append(UInt8(ascii: "\""))
        case .timespan(let column):
            guard let span = try row.timespan(column) else {
                writer.appendNull()
                return
            }
            writer.bytes.append(UInt8(ascii: "["))
            writer.appendInteger(span.begin.rawValue)
            writer.bytes.append(UInt8(ascii: ","))
            writer.appendInteger(span.end.rawValue)
            writer.bytes.append(UInt8(ascii: "]"))
        case .collection(let column, let names):
            writer.bytes.append(contentsOf: try names.text(try row.int(column)))
        case .ingestDateText(let column):
            if row.isNull(column) {
                writer.appendNull()
            } else {
                writer.appendInteger(try IngestDateText.time(try row.text(column)).rawValue)
            }
        case .derivedKey(let key): writer.bytes.append(contentsOf: try key.text(row))
        }
    }

    private static let trueText = Array("true".utf8)
    private static let falseText = Array("false".utf8)
}

extension JSONWriter {
    /// Appends a UUID of 32 lower-case hexadecimal digits in quotes and with dashes.
    ///
    /// - Returns: `false`, with nothing appended, for any other text.
    fileprivate mutating func appendUUID(compact text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard text.count == 32 else { return false }
        var strangers: UInt8 = 0
        for byte in text { strangers |= (byte &- 0x30 < 10 ? 0 : 1) & (byte &- 0x61 < 6 ? 0 : 1) }
        guard strangers == 0 else { return false }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 38) { buffer in
            buffer[0] = UInt8(ascii: "\"")
            var position = 1
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                buffer[position] = text[index]
                position += 1
            }
            buffer[37] = UInt8(ascii: "\"")
            bytes.append(contentsOf: UnsafeBufferPointer(buffer))
        }
        return true
    }
}

/// The names of collections by their key, as JSON text.
final class CollectionNames {
    private let snapshot: RegistrySnapshot
    private var texts: [Int64: [UInt8]] = [:]
    private var last: (key: Int64, text: [UInt8])?

    init(_ snapshot: RegistrySnapshot) { self.snapshot = snapshot }

    func text(_ key: Int64) throws -> [UInt8] {
        if let last, last.key == key { return last.text }
        let text: [UInt8]
        if let known = texts[key] {
            text = known
        } else {
            text = try LineJSON.text { $0.value(try snapshot.collectionName(key)) }
            texts[key] = text
        }
        last = (key, text)
        return text
    }
}

/// JSON text for JSON Lines.
enum LineJSON {
    static let options = JSONWriter.Options(escapesLineSeparators: true)

    static func text(_ body: (inout JSONWriter) throws -> Void) rethrows -> [UInt8] {
        var writer = JSONWriter(options: options)
        try body(&writer)
        return writer.bytes
    }
}
