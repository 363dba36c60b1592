/// A name as it is written: two are equal when their UTF-8 bytes are, as databases and Python compare them.
///
/// `String` takes texts for equal that differ in their bytes, such as `é` in one character and in two, or `K` and the
/// Kelvin sign. Names of users, groups, collections and files, and values of dimensions, must not be confused like that:
/// sets and dictionaries of names have this type for their elements and keys, and take texts where they are asked.
@frozen
public struct ExactName: Sendable, Hashable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let text: String

    @inlinable public init(_ text: String) { self.text = text }
    @inlinable public init(stringLiteral value: String) { text = value }

    public var description: String { text }

    @inlinable public static func == (a: ExactName, b: ExactName) -> Bool { a.text.hasSameBytes(as: b.text) }

    /// By bytes, which is the order of code points.
    @inlinable public static func < (a: ExactName, b: ExactName) -> Bool { a.text.precedesInBytes(b.text) }

    @inlinable public func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

extension Dictionary where Key == ExactName {
    @inlinable public subscript(name: String) -> Value? {
        get { self[ExactName(name)] }
        _modify { yield &self[ExactName(name)] }
    }

    @inlinable public subscript(name: String, default value: @autoclosure () -> Value) -> Value {
        get { self[ExactName(name), default: value()] }
        _modify { yield &self[ExactName(name), default: value()] }
    }
}

extension Set where Element == ExactName {
    @inlinable public init(names: some Sequence<String>) { self.init(names.lazy.map { ExactName($0) }) }

    @inlinable public func contains(_ name: String) -> Bool { contains(ExactName(name)) }

    /// Whether it was not there.
    @inlinable @discardableResult public mutating func insert(_ name: String) -> Bool { insert(ExactName(name)).inserted }

    @inlinable @discardableResult public mutating func remove(_ name: String) -> Bool { remove(ExactName(name)) != nil }
}

extension Sequence where Element == ExactName {
    /// The texts, in the order of their bytes.
    public func sortedTexts() -> [String] { sorted().map(\.text) }
}
