import StructuredData

/// Log records of a task: a mapping with `records` and whatever else was saved with them.
///
/// Three layouts are read: the mapping itself, a list of records, and one record a line, possibly ended by a line
/// `###EXTRA###` before a JSON object with the rest. The mapping is written. Source: repository format reference,
/// section 6.4.
struct LogRecordsFormatter: DatasetFormatter {
    private static let extraMark = "###EXTRA###"
    private static let version: Int64 = 2

    /// What each record must have. Source: `lsst.daf.butler.logging.ButlerLogRecord`.
    private static let texts = ["name", "message", "levelname", "filename", "pathname", "processName"]
    private static let numbers = ["levelno", "lineno", "process"]

    /// What a record lacks, so that Python could not read it; `nil` for nothing.
    private static func missingField(of record: StructuredMapping) -> String? {
        if let name = texts.first(where: { record[$0]?.stringValue == nil }) { return name }
        if let name = numbers.first(where: { record[$0]?.intValue == nil }) { return name }
        let time = record["asctime"]
        if time?.stringValue == nil, time?.numberValue == nil { return "asctime" }
        return record["MDC"]?.objectValue == nil ? "MDC" : nil
    }

    func read(_ artifact: Artifact) throws -> DatasetValue {
        let text = try artifact.text()
        do {
            if text.hasPrefix("[") { return .structured(Self.wrapped(try StructuredValue(json: text), [:])) }
            if text.hasPrefix(#"{"extended":true"#) { return .structured(try StructuredValue(json: text)) }
            var records: [StructuredValue] = []
            var rest = Substring(text)
            while !rest.isEmpty {
                let end = rest.utf8.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
                let line = rest[..<end]
                rest = end == rest.endIndex ? "" : rest[rest.index(after: end)...]
                if line.hasPrefix(Self.extraMark) { break }
                if !line.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) {
                    records.append(try StructuredValue(json: String(line)))
                }
            }
            var extra = StructuredMapping()
            if !rest.isEmpty {
                guard case .object(let mapping) = try StructuredValue(json: String(rest)) else {
                    throw artifact.failure("what follows \(Self.extraMark) is not a JSON object")
                }
                extra = mapping
            }
            return .structured(Self.wrapped(.array(records), extra))
        } catch let error as JSONError {
            throw artifact.failure("\(error)")
        }
    }

    func encode(_ value: DatasetValue, for target: WriteTarget) throws -> EncodedArtifact {
        var extra = StructuredMapping()
        let records: StructuredValue
        switch value.structured {
        case .array(let items)?: records = .array(items)
        case .object(let mapping)?:
            guard let list = mapping["records"], list.arrayValue != nil else {
                throw target.failure("the value lacks a list of 'records'")
            }
            records = list
            extra = mapping
            for key in ["extended", "version", "records"] { extra[key] = nil }
        default: throw target.failure("the value is \(value.kindName); log records are a mapping or a list")
        }
        for record in records.arrayValue ?? [] {
            guard let fields = record.objectValue else { throw target.failure("each log record must be a mapping") }
            if let name = Self.missingField(of: fields) {
                throw target.failure("a log record has no '\(name)', or one of another type; Python could not read it")
            }
        }
        var writer = JSONWriter()
        writer.value(Self.wrapped(records, extra))
        return EncodedArtifact(writer.bytes, ".json")
    }

    private static func wrapped(_ records: StructuredValue, _ extra: StructuredMapping) -> StructuredValue {
        var mapping: StructuredMapping = ["extended": true, "version": .int(version), "records": records]
        for (key, value) in extra.pairs { mapping[key] = value }
        return .object(mapping)
    }
}
