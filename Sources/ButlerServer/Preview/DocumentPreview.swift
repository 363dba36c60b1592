import StructuredData

/// JSON and YAML as a tree, other text as it is.
enum DocumentPreview {
    static let largestDocument: Int64 = 4 << 20

    static func document(_ bytes: [UInt8], format: String, isWhole: Bool) -> StructuredMapping {
        if isWhole {
            do {
                let value = try format == "JSON" ? StructuredValue(json: bytes) : StructuredValue(yaml: bytes)
                return ["kind": "document", "format": .string(format), "value": value]
            } catch {
                return text(bytes, format: format, remark: "It cannot be read as \(format): \(error)")
            }
        }
        return text(bytes, format: format, remark: "The file is too large for a tree; this is its beginning.")
    }

    static func text(_ bytes: [UInt8], format: String, remark: String?) -> StructuredMapping {
        var members: StructuredMapping = [
            "kind": "text", "format": .string(format), "text": .string(String(decoding: bytes.prefix(1 << 16), as: UTF8.self)),
        ]
        if let remark { members["remark"] = .string(remark) }
        return members
    }
}
