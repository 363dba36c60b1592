/// A name as it is written: two are equal when their UTF-8 bytes are, as databases and Python compare them.
///
/// `String` takes texts for equal that differ in their bytes, such as `é` in one character and in two, or `K` and the
/// Kelvin sign. Names of users, groups, collections and dataset types must not be confused like that.
public struct ExactName: Sendable, Hashable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let text: String

    public init(_ text: String) { self.text = text }
    public init(stringLiteral value: String) { text = value }

    public var description: String { text }

    public static func == (a: ExactName, b: ExactName) -> Bool { a.text.hasSameBytes(as: b.text) }

    /// By bytes, which is the order of code points.
    public static func < (a: ExactName, b: ExactName) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

    public func hash(into hasher: inout Hasher) {
        let isHashed: Void? = text.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: .init($0)) }
        if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
        hasher.combine(UInt8(0xFF))
    }
}

extension StringProtocol {
    /// Whether both texts are the same bytes of UTF-8.
    public func hasSameBytes(as other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }
}
