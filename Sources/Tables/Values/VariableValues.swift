/// Texts or byte strings of different lengths, one after another in one buffer.
///
/// Memory: the bytes and eight bytes a value; no allocation for each. The layout is that of Apache Arrow's variable-size
/// binary arrays.
public struct VariableValues: Sendable, Hashable {
    /// The bytes of all values.
    public private(set) var bytes: [UInt8]
    /// Where each value begins; one more than there are values, the last is the number of bytes.
    public private(set) var offsets: [Int]

    public init() {
        bytes = []
        offsets = [0]
    }

    public init(_ texts: some Sequence<String>) {
        self.init()
        for text in texts { append(text.utf8) }
    }

    public init(_ values: some Sequence<[UInt8]>) {
        self.init()
        for value in values { append(value) }
    }

    /// Takes over buffers that were filled elsewhere.
    ///
    /// - Precondition: `offsets` begins with 0, does not descend and ends with the number of bytes; otherwise `nil`.
    public init?(bytes: [UInt8], offsets: [Int]) {
        guard offsets.first == 0, offsets.last == bytes.count,
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return nil }
        self.bytes = bytes
        self.offsets = offsets
    }

    public var count: Int { offsets.count - 1 }

    public mutating func append(_ value: some Sequence<UInt8>) {
        bytes.append(contentsOf: value)
        offsets.append(bytes.count)
    }

    mutating func append(contentsOf other: VariableValues) {
        let base = bytes.count
        bytes.append(contentsOf: other.bytes)
        offsets.append(contentsOf: other.offsets.dropFirst().map { base + $0 })
    }

    /// The bytes of one value. Cost: O(1).
    public subscript(index: Int) -> ArraySlice<UInt8> { bytes[offsets[index]..<offsets[index + 1]] }

    /// One value as text; bytes that are not UTF-8 become U+FFFD.
    public func text(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

    /// All values as texts. Cost: an allocation for each long one.
    public var texts: [String] { (0..<count).map(text) }

    /// The first value that is not UTF-8.
    public var firstInvalidText: Int? {
        if String(validating: bytes, as: UTF8.self) != nil {
            // Whole characters only: no value may begin inside one.
            return (0..<count).first { offsets[$0] < bytes.count && bytes[offsets[$0]] & 0xC0 == 0x80 }
        }
        return (0..<count).first { String(validating: self[$0], as: UTF8.self) == nil }
    }

    /// The length of the longest value in characters (Unicode scalars, as Python counts), 0 without values.
    public var longestText: Int {
        (0..<count).reduce(0) { longest, index in
            max(longest, self[index].reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) })
        }
    }

    /// The length of the longest value in bytes, 0 without values.
    public var longest: Int { zip(offsets, offsets.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) } }
}
