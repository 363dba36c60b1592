import AstroTime
import ButlerModel
import Database
import Registry
import StructuredData

/// A part of the JSON text of a row: fixed text, or the value of a column.
///
/// A result is compiled into pieces once; each row then writes them, straight from the database's memory. The most
/// frequent ones are instructions of a ``RowProgram``.
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
    /// The keys of a data ID that its required ones imply.
    case implied(ImpliedKeys)

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

    func write(_ row: any DatabaseRow, to text: inout PageText) throws {
        switch self {
        case .text(let bytes): text.append(bytes)
        case .int(let column):
            switch try row.value(column) {
            case .int(let number): text.append(number)
            case .null: text.appendNull()
            default: _ = try row.int(column)
            }
        case .float(let column):
            if row.isNull(column) { return text.appendNull() }
            let number = try row.double(column)
            text.append { $0.appendDouble(number) }
        case .bool(let column):
            if row.isNull(column) { return text.appendNull() }
            text.append(try row.bool(column) ? "true" : "false")
        case .string(let column):
            if let string = try Self.utf8(row, column) { text.appendString(string) } else { text.appendNull() }
        case .uuid(let column):
            guard let digits = try Self.utf8(row, column) else { return text.appendNull() }
            // Other spellings than the one that registries store take the long way.
            if !text.appendUUID(compact: digits) {
                let id = DatasetID(try row.uuid(column)).description
                text.append { $0.appendString(id) }
            }
        case .hexadecimal(let column):
            guard let base64 = try Self.utf8(row, column) else { return text.appendNull() }
            // If this is no base64, reading it as bytes throws the error that names the column.
            if !text.appendHexadecimal(base64: base64) { _ = try row.bytes(column) }
        case .timespan(let column):
            guard let span = try row.timespan(column) else { return text.appendNull() }
            text.append(UInt8(ascii: "["))
            text.append(span.begin.rawValue)
            text.append(UInt8(ascii: ","))
            text.append(span.end.rawValue)
            text.append(UInt8(ascii: "]"))
        case .collection(let column, let names): try names.write(try row.int(column), to: &text)
        case .ingestDateText(let column):
            if row.isNull(column) { return text.appendNull() }
            text.append(try IngestDateText.time(try row.text(column)).rawValue)
        case .derivedKey(let key): try key.write(row, to: &text)
        case .implied(let keys): try keys.write(row, to: &text)
        }
    }

    /// The bytes of a text column; `nil` for NULL.
    private static func utf8(_ row: any DatabaseRow, _ column: Int) throws -> UnsafeBufferPointer<UInt8>? {
        switch try row.value(column) {
        case .text(let text): return text
        case .null: return nil
        default:
            // Throws the error that names the column and what it holds.
            _ = try row.text(column)
            return nil
        }
    }
}

/// The names of collections by their key, as JSON text.
final class CollectionNames {
    private let snapshot: RegistrySnapshot
    private var texts: [Int64: [UInt8]] = [:]
    private var last: (key: Int64, text: [UInt8])?

    init(_ snapshot: RegistrySnapshot) { self.snapshot = snapshot }

    func write(_ key: Int64, to text: inout PageText) throws {
        if let last, last.key == key { return text.append(last.text) }
        let name = try texts[key] ?? LineJSON.text { $0.value(try snapshot.collectionName(key)) }
        texts[key] = name
        last = (key, name)
        text.append(name)
    }
}
