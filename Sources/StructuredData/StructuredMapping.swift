import ByteText

/// An ordered mapping with text keys. A repeated key keeps the position of its first and the value of its last
/// appearance, as Python's `dict` does.
///
/// Keys are compared by their bytes: two spellings of `é` are two keys, as they are in Python. Up to
/// `scanLimit` entries a lookup scans; beyond that it goes through a hash index, so a lookup is O(1) throughout.
public struct StructuredMapping: Sendable {
    /// The key-value pairs in order. Cost: O(1).
    public private(set) var pairs: [(key: String, value: StructuredValue)]
    /// Position of each key; `nil` while there are few.
    private var index: [ExactName: Int]?

    /// Up to this many entries, comparing lengths and bytes in a row beats hashing.
    private static let scanLimit = 12

    public init() { pairs = [] }

    public init(_ pairs: some Sequence<(String, StructuredValue)>) {
        self.init()
        for (key, value) in pairs { set(key, to: value) }
    }

    /// The keys in order. Cost: O(n).
    public var keys: [String] { pairs.map(\.key) }
    public var count: Int { pairs.count }
    public var isEmpty: Bool { pairs.isEmpty }

    /// Reading a key that is absent gives `nil`; assigning `nil` removes the key (O(n)).
    public subscript(key: String) -> StructuredValue? {
        get { position(of: key).map { pairs[$0].value } }
        set {
            if let newValue {
                set(key, to: newValue)
            } else if let position = position(of: key) {
                pairs.remove(at: position)
                index = nil
                if pairs.count > Self.scanLimit { buildIndex() }
            }
        }
    }

    mutating func set(_ key: String, to value: StructuredValue) {
        if let position = position(of: key) {
            pairs[position].value = value
            return
        }
        pairs.append((key, value))
        if index != nil {
            index?[ExactName(key)] = pairs.count - 1
        } else if pairs.count > Self.scanLimit {
            buildIndex()
        }
    }

    private func position(of key: String) -> Int? {
        if let index { return index[ExactName(key)] }
        for position in pairs.indices where pairs[position].key.hasSameBytes(as: key) { return position }
        return nil
    }

    private mutating func buildIndex() {
        var built: [ExactName: Int] = Dictionary(minimumCapacity: pairs.count * 2)
        for position in pairs.indices { built[ExactName(pairs[position].key)] = position }
        index = built
    }
}

/// Equality and hashing ignore the order of keys.
extension StructuredMapping: Hashable {
    public static func == (a: StructuredMapping, b: StructuredMapping) -> Bool {
        guard a.count == b.count else { return false }
        return a.pairs.allSatisfy { b[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        var sum = 0
        for (key, value) in pairs {
            var one = Hasher()
            one.combine(ExactName(key))
            one.combine(value)
            sum &+= one.finalize()
        }
        hasher.combine(count)
        hasher.combine(sum)
    }
}

extension StructuredMapping: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, StructuredValue)...) { self.init(elements) }
}

extension StructuredMapping: CustomStringConvertible {
    /// The mapping as one line of JSON.
    public var description: String { StructuredValue.object(self).description }
}
