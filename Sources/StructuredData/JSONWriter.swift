import ByteText

/// Writes JSON straight into a byte buffer, value by value.
///
/// Calls follow the document: `beginObject`, `key`, `value`, `endObject`. Commas, spaces and line breaks come by
/// themselves. A server can so write rows from a database without building values in between:
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.key("id")
///     writer.value(17)
///     writer.endObject()
///     // writer.bytes: {"id":17}
///
/// Nothing checks that calls nest properly: the caller's code is the grammar.
public struct JSONWriter: Sendable {
    public enum Style: Sendable {
        /// No blanks: `{"a":1,"b":[1,2]}`.
        case compact
        /// As Python's `json.dumps` by default: `{"a": 1, "b": [1, 2]}`.
        case spaced
        /// One entry a line, indented by two blanks, as Python's `json.dumps(indent=2)`.
        case pretty
    }

    public enum NaNPolicy: Sendable {
        /// NaN and infinities become `null`: standard JSON, for the wire.
        case null
        /// `NaN`, `Infinity`, `-Infinity`, as Python's `json` writes them. Not standard JSON.
        case python
    }

    public struct Options: Sendable {
        public var style: Style
        /// Write the keys of every ``StructuredMapping`` in the order of their code points, not in their own.
        public var sortsKeys: Bool
        public var nan: NaNPolicy
        /// Escape U+0085, U+2028 and U+2029, which some readers of JSON Lines take for line ends.
        public var escapesLineSeparators: Bool
        /// Escape everything but ASCII, as Python's `json.dumps` does by default.
        public var escapesNonASCII: Bool

        public init(
            style: Style = .compact, sortsKeys: Bool = false, nan: NaNPolicy = .null,
            escapesLineSeparators: Bool = false, escapesNonASCII: Bool = false
        ) {
            self.style = style
            self.sortsKeys = sortsKeys
            self.nan = nan
            self.escapesLineSeparators = escapesLineSeparators
            self.escapesNonASCII = escapesNonASCII
        }
    }

    /// What has been written. A caller may take it and leave an empty buffer between values.
    public var bytes: [UInt8]
    let options: Options
    private let isPlain: Bool
    private var depth = 0
    /// Whether a value has been written at this level, so that the next one needs a comma.
    private var needsComma = false
    private var followsKey = false

    public init(options: Options = Options(), reservingCapacity capacity: Int = 0) {
        self.options = options
        isPlain = options.style == .compact
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// The written bytes as text. Cost: O(n).
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    // MARK: Structure

    public mutating func beginObject() { begin(UInt8(ascii: "{")) }
    public mutating func endObject() { end(UInt8(ascii: "}")) }
    public mutating func beginArray() { begin(UInt8(ascii: "[")) }
    public mutating func endArray() { end(UInt8(ascii: "]")) }

    /// The key of the next value.
    public mutating func key(_ text: String) {
        separate()
        appendString(text)
        appendColon()
    }

    /// The key of the next value, already in JSON form with its quotes. For keys that repeat row by row.
    public mutating func key(encoded bytes: [UInt8]) {
        separate()
        self.bytes.append(contentsOf: bytes)
        appendColon()
    }

    /// Ends a line after a whole document, so that another may follow (JSON Lines).
    public mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: Values

    public mutating func null() {
        separate()
        append("null")
        needsComma = true
    }

    public mutating func value(_ value: Bool) {
        separate()
        append(value ? "true" : "false")
        needsComma = true
    }

    public mutating func value(_ value: Int64) {
        separate()
        appendInteger(value)
        needsComma = true
    }

    /// The shortest digits that read back as the same double, laid out as Python's `repr` lays them out.
    public mutating func value(_ value: Double) {
        separate()
        appendDouble(value)
        needsComma = true
    }

    public mutating func value(_ value: String) {
        separate()
        appendString(value)
        needsComma = true
    }

    /// A string from UTF-8 bytes, for text that comes from a C library. Bytes that are not UTF-8 are replaced by
    /// U+FFFD.
    public mutating func value(utf8 text: UnsafeBufferPointer<UInt8>) {
        separate()
        appendString(utf8: text)
        needsComma = true
    }

    /// Raw bytes as base64 text.
    public mutating func value(base64 data: [UInt8]) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: Base64.encode(data).utf8)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// A value that is JSON text already, taken as it is.
    public mutating func value(encoded json: some Collection<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// A whole value with everything in it.
    public mutating func value(_ value: StructuredValue) {
        switch value {
        case .null: null()
        case .bool(let value): self.value(value)
        case .int(let value): self.value(value)
        case .float(let value): self.value(value)
        case .string(let value): self.value(value)
        case .bytes(let value): self.value(base64: value)
        case .array(let items):
            beginArray()
            for item in items { self.value(item) }
            endArray()
        case .object(let mapping): self.value(mapping)
        }
    }

    public mutating func value(_ mapping: StructuredMapping) {
        beginObject()
        if options.sortsKeys {
            // Python orders text by code points, which is the order of the UTF-8 bytes.
            for (key, value) in mapping.pairs.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                self.key(key)
                self.value(value)
            }
        } else {
            for (key, value) in mapping.pairs {
                self.key(key)
                self.value(value)
            }
        }
        endObject()
    }

    // MARK: Layout

    private mutating func begin(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        depth += 1
        needsComma = false
    }

    private mutating func end(_ bracket: UInt8) {
        depth -= 1
        if options.style == .pretty, needsComma { breakLine() }
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func appendColon() {
        bytes.append(UInt8(ascii: ":"))
        if !isPlain { bytes.append(UInt8(ascii: " ")) }
        needsComma = false
        followsKey = true
    }

    /// Writes what stands between the last value and the next.
    @inline(__always)
    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        if !isPlain { layOut() }
        followsKey = false
    }

    private mutating func layOut() {
        if options.style == .pretty {
            if depth > 0, !followsKey { breakLine() }
        } else if needsComma {
            bytes.append(UInt8(ascii: " "))
        }
    }

    private mutating func breakLine() {
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    private mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
