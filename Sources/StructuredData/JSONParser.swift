extension StructuredValue {
    /// The value of a JSON document in UTF-8.
    ///
    /// RFC 8259. An integer that fits `Int64` becomes `.int`; a larger one, or a number with a fraction or an
    /// exponent, becomes `.float`. A repeated key keeps its last value. A byte-order mark is an error.
    ///
    /// - Throws: ``JSONError`` with line and column, also for anything after the document but white space.
    /// - Complexity: O(n); stack use is bounded by `maximumDepth`.
    public init(
        json bytes: some Collection<UInt8>, options: JSONParser.Options = [],
        maximumDepth: Int = JSONParser.defaultMaximumDepth
    ) throws(JSONError) {
        let result = bytes.withContiguousStorageIfAvailable {
            JSONParser.parse($0, options: options, maximumDepth: maximumDepth)
        }
        if let result {
            self = try result.get()
        } else {
            self = try Array(bytes).withUnsafeBufferPointer {
                JSONParser.parse($0, options: options, maximumDepth: maximumDepth)
            }.get()
        }
    }

    /// The value of a JSON document. See ``init(json:options:maximumDepth:)-(Collection<UInt8>,_,_)``.
    public init(
        json text: String, options: JSONParser.Options = [], maximumDepth: Int = JSONParser.defaultMaximumDepth
    ) throws(JSONError) {
        var text = text
        self = try text.withUTF8 { JSONParser.parse($0, options: options, maximumDepth: maximumDepth) }.get()
    }
}

/// A recursive-descent JSON parser over bytes in memory.
public struct JSONParser {
    public struct Options: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Accept `NaN`, `Infinity` and `-Infinity`, which Python's `json` writes, and read numbers beyond the
        /// range of a double as infinite, which Python's `json` does.
        public static let allowNaN = Options(rawValue: 1)
    }

    /// How deep arrays and objects may nest unless a caller says otherwise.
    public static let defaultMaximumDepth = 512

    let bytes: UnsafeBufferPointer<UInt8>
    let options: Options
    let maximumDepth: Int
    var index = 0
    private var depth = 0

    private init(bytes: UnsafeBufferPointer<UInt8>, options: Options, maximumDepth: Int) {
        self.bytes = bytes
        self.options = options
        self.maximumDepth = maximumDepth
    }

    static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, options: Options, maximumDepth: Int
    ) -> Result<StructuredValue, JSONError> {
        var parser = JSONParser(bytes: bytes, options: options, maximumDepth: maximumDepth)
        do throws(JSONError) {
            let value = try parser.value()
            parser.skipSpace()
            if parser.index < bytes.count { throw parser.unexpected("the end of the document") }
            return .success(value)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Values

    private mutating func value() throws(JSONError) -> StructuredValue {
        skipSpace()
        guard index < bytes.count else { throw unexpected("a value") }
        switch bytes[index] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "N") where options.contains(.allowNaN): return try word("NaN", .float(.nan))
        case UInt8(ascii: "I") where options.contains(.allowNaN): return try word("Infinity", .float(.infinity))
        default: throw unexpected("a value")
        }
    }

    private mutating func object() throws(JSONError) -> StructuredValue {
        try enter()
        var mapping = StructuredMapping()
        skipSpace()
        if index < bytes.count, bytes[index] == UInt8(ascii: "}") {
            index += 1
            depth -= 1
            return .object(mapping)
        }
        while true {
            skipSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
            let key = try string()
            skipSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else { throw unexpected("':'") }
            index += 1
            mapping.set(key, to: try value())
            skipSpace()
            guard index < bytes.count else { throw unexpected("',' or '}'") }
            switch bytes[index] {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "}"):
                index += 1
                depth -= 1
                return .object(mapping)
            default: throw unexpected("',' or '}'")
            }
        }
    }

    private mutating func array() throws(JSONError) -> StructuredValue {
        try enter()
        var items: [StructuredValue] = []
        skipSpace()
        if index < bytes.count, bytes[index] == UInt8(ascii: "]") {
            index += 1
            depth -= 1
            return .array(items)
        }
        while true {
            items.append(try value())
            skipSpace()
            guard index < bytes.count else { throw unexpected("',' or ']'") }
            switch bytes[index] {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "]"):
                index += 1
                depth -= 1
                return .array(items)
            default: throw unexpected("',' or ']'")
            }
        }
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        if depth > maximumDepth { throw .tooDeep(limit: maximumDepth, at: position(index)) }
        index += 1
    }

    mutating func word(_ spelling: StaticString, _ value: StructuredValue) throws(JSONError) -> StructuredValue {
        let length = spelling.utf8CodeUnitCount
        guard bytes.count - index >= length else { throw unexpected("'\(spelling)'") }
        for offset in 0..<length where bytes[index + offset] != spelling.utf8Start[offset] {
            throw unexpected("'\(spelling)'")
        }
        index += length
        return value
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }

    // MARK: Errors

    func position(_ offset: Int) -> TextPosition { TextPosition(offset: offset, in: bytes) }

    func unexpected(_ expected: String) -> JSONError {
        guard index < bytes.count else {
            return .unexpected(found: "the end of the text", expected: expected, at: position(index))
        }
        let byte = bytes[index]
        let found = (0x21...0x7E).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
        return .unexpected(found: found, expected: expected, at: position(index))
    }
}
