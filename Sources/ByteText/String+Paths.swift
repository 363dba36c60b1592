/// Paths by their bytes, as the system takes them. To Swift a slash and a mark that combines with it, which may begin a name,
/// are one character.
extension String {
    private static let slash = UInt8(ascii: "/")

    /// All after the last slash.
    public var nameInPath: String {
        utf8.lastIndex(of: Self.slash).map { String(self[utf8.index(after: $0)...]) } ?? self
    }

    /// All up to the last slash, without it; `nil` when there is none.
    public var folderInPath: String? { utf8.lastIndex(of: Self.slash).map { String(self[..<$0]) } }

    public var endsWithSlash: Bool { utf8.last == Self.slash }

    /// The same without a slash at its end, unless that is all.
    public var withoutFinalSlash: String {
        endsWithSlash && utf8.count > 1 ? String(self[..<utf8.index(before: utf8.endIndex)]) : self
    }

    /// The same without the slashes at its beginning.
    public var withoutFirstSlashes: String {
        utf8.first == Self.slash ? String(Substring(utf8.drop { $0 == Self.slash })) : self
    }

    /// The same with one slash at its end.
    public var withFinalSlash: String { endsWithSlash ? self : self + "/" }

    /// The names between slashes.
    public var namesInPath: [Substring] { utf8.split(separator: Self.slash).map { Substring($0) } }

    /// The names between slashes, with empty ones.
    public var partsOfPath: [Substring] {
        utf8.split(separator: Self.slash, omittingEmptySubsequences: false).map { Substring($0) }
    }

    /// Whether the bytes of another text come first, as those of a folder with its slash.
    public func begins(with start: String) -> Bool { utf8.starts(with: start.utf8) }

    /// What follows a text at the beginning, such as a folder with its slash; `nil` when this begins with other bytes.
    public func after(_ start: String) -> String? {
        begins(with: start) ? String(Substring(utf8.dropFirst(start.utf8.count))) : nil
    }

    /// The paths of the folders on the way, from the first on, then the path itself.
    ///
    /// - Parameter start: what they all begin with.
    public func pathsOnTheWay(after start: String = "") -> [String] {
        var paths: [String] = []
        var index = utf8.index(utf8.startIndex, offsetBy: start.utf8.count, limitedBy: utf8.endIndex) ?? utf8.endIndex
        while index != utf8.endIndex {
            index = utf8[utf8.index(after: index)...].firstIndex(of: Self.slash) ?? utf8.endIndex
            paths.append(String(self[..<index]))
        }
        return paths
    }
}
