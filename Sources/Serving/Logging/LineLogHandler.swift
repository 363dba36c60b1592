import Logging
import StructuredData

/// Writes each log event as one line, in either format, with one system call.
struct LineLogHandler: LogHandler {
    let label: String
    let format: LogFormat
    let output: LogOutput
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    init(label: String, format: LogFormat, output: LogOutput) {
        self.label = label
        self.format = format
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = Self.ordered(metadata.merging(event.metadata ?? [:]) { $1 })
        let time = UTCDate.now().iso8601
        switch format {
        case .line: output.write(line(time, event.level, event.message, fields))
        case .json: output.write(object(time, event.level, event.message, fields))
        }
    }

    /// The fields of a request in reading order; anything else follows by name.
    private static let readingOrder: [String: Int] = Dictionary(
        uniqueKeysWithValues: [
            "method", "path", "status", "bytes", "duration_ms", "user", "request_id", "client_request_id",
        ].enumerated().map { ($1, $0) })

    private static func ordered(_ metadata: Logger.Metadata) -> [(key: String, value: Logger.MetadataValue)] {
        metadata.map { (rank: readingOrder[$0.key] ?? .max, key: $0.key, value: $0.value) }
            .sorted { a, b in a.rank != b.rank ? a.rank < b.rank : a.key < b.key }
            .map { ($0.key, $0.value) }
    }

    private func line(
        _ time: String, _ level: Logger.Level, _ message: Logger.Message,
        _ fields: [(key: String, value: Logger.MetadataValue)]
    ) -> [UInt8] {
        var text = "\(time) \(level.rawValue) \(Self.printable("\(message)", quoting: false))"
        for (key, value) in fields { Self.append(key, value, to: &text) }
        return Array(text.utf8) + [UInt8(ascii: "\n")]
    }

    /// Members of dictionaries become fields of their own: `dataset.type=bias`.
    private static func append(_ key: String, _ value: Logger.MetadataValue, to text: inout String) {
        if case .dictionary(let members) = value {
            for (name, member) in ordered(members) { append("\(key).\(name)", member, to: &text) }
        } else {
            text += " \(key)=\(printable("\(value)", quoting: true))"
        }
    }

    /// Control characters would let a client forge lines or drive a terminal.
    private static func printable(_ text: String, quoting: Bool) -> String {
        // Nearly all text is plain, and every request is logged while its client waits.
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C && $0 != 0x3D }
        if isPlain, !text.isEmpty { return text }
        var result = ""
        var needsQuotes = text.isEmpty
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: result += "\\u{\(String(scalar.value, radix: 16))}"
            case 0x22 where quoting, 0x5C where quoting:
                result += "\\\(scalar)"
                needsQuotes = true
            case 0x20, 0x3D:
                needsQuotes = true
                result.unicodeScalars.append(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return quoting && needsQuotes ? "\"\(result)\"" : result
    }

    private func object(
        _ time: String, _ level: Logger.Level, _ message: Logger.Message,
        _ fields: [(key: String, value: Logger.MetadataValue)]
    ) -> [UInt8] {
        var writer = JSONWriter(options: .init(escapesLineSeparators: true), reservingCapacity: 256)
        writer.beginObject()
        writer.key("time")
        writer.value(time)
        writer.key("level")
        writer.value(level.rawValue)
        writer.key("logger")
        writer.value(label)
        writer.key("message")
        writer.value("\(message)")
        for (key, value) in fields {
            writer.key(key)
            Self.write(value, to: &writer)
        }
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static func write(_ value: Logger.MetadataValue, to writer: inout JSONWriter) {
        switch value {
        case .string(let text): writer.value(text)
        case .stringConvertible(let number as Int): writer.value(Int64(number))
        case .stringConvertible(let number as Double): writer.value(number)
        case .stringConvertible(let other): writer.value("\(other)")
        case .array(let items):
            writer.beginArray()
            for item in items { write(item, to: &writer) }
            writer.endArray()
        case .dictionary(let items):
            writer.beginObject()
            for (key, item) in ordered(items) {
                writer.key(key)
                write(item, to: &writer)
            }
            writer.endObject()
        }
    }
}
