import StructuredData

/// Reads typed members out of a document from outside, and names the path of whatever does not fit.
public struct DocumentReader: Sendable {
    public let value: StructuredValue
    public let path: String

    public init(_ value: StructuredValue, path: String) {
        self.value = value
        self.path = path
    }

    public func failure(_ complaint: String) -> ButlerError {
        ButlerError(.malformedModel, "\(path) \(complaint).")
    }

    private func mismatch(_ expected: String) -> ButlerError {
        failure("must be \(expected), not \(value.kindName)")
    }

    /// The member with this key; absent and null are the same.
    public func optional(_ key: String) throws(ButlerError) -> DocumentReader? {
        guard case .object(let mapping) = value else { throw mismatch("a mapping") }
        guard let member = mapping[key], !member.isNull else { return nil }
        return DocumentReader(member, path: "\(path).\(key)")
    }

    public func required(_ key: String) throws(ButlerError) -> DocumentReader {
        guard let member = try optional(key) else { throw failure("lacks '\(key)'") }
        return member
    }

    public func members() throws(ButlerError) -> [(String, DocumentReader)] {
        guard case .object(let mapping) = value else { throw mismatch("a mapping") }
        return mapping.pairs.map { ($0.key, DocumentReader($0.value, path: "\(path).\($0.key)")) }
    }

    public func items() throws(ButlerError) -> [DocumentReader] {
        guard case .array(let array) = value else { throw mismatch("a list") }
        return array.enumerated().map { DocumentReader($0.element, path: "\(path)[\($0.offset)]") }
    }

    public func string() throws(ButlerError) -> String {
        guard case .string(let text) = value else { throw mismatch("a string") }
        return text
    }

    public func strings() throws(ButlerError) -> [String] {
        var result: [String] = []
        for item in try items() { result.append(try item.string()) }
        return result
    }

    public func bool() throws(ButlerError) -> Bool {
        guard case .bool(let flag) = value else { throw mismatch("a boolean") }
        return flag
    }

    public func int() throws(ButlerError) -> Int { Int(try int64()) }

    /// A whole number; a number written with a zero fraction counts.
    public func int64() throws(ButlerError) -> Int64 {
        switch value {
        case .int(let number): return number
        case .float(let number):
            if let exact = Int64(exactly: number) { return exact }
            if number.rounded() == number { throw failure("is a whole number of more than 64 bits") }
            throw mismatch("a whole number")
        default: throw mismatch("a whole number")
        }
    }
}
