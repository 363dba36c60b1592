/// A rectangle of pixels: half-open ranges of columns (x) and rows (y).
public struct PixelBox: Sendable, Hashable, CustomStringConvertible {
    public var x: Range<Int>
    public var y: Range<Int>

    public init(x: Range<Int>, y: Range<Int>) {
        self.x = x
        self.y = y
    }

    public var width: Int { x.count }
    public var height: Int { y.count }

    public func contains(_ other: PixelBox) -> Bool {
        x.lowerBound <= other.x.lowerBound && other.x.upperBound <= x.upperBound
            && y.lowerBound <= other.y.lowerBound && other.y.upperBound <= y.upperBound
    }

    public var description: String {
        "x \(x.lowerBound)..<\(x.upperBound), y \(y.lowerBound)..<\(y.upperBound)"
    }
}

/// What pixel coordinates count from.
public enum PixelFrame: String, Sendable, Hashable {
    /// The parent image, of which a stored image may be a part (afw's `PARENT`).
    case parent
    /// The first pixel of the stored image (afw's `LOCAL`).
    case local
}
