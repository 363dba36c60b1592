/// An image extension or primary HDU. `image` is `nil` when the HDU is a header without data.
public struct FITSImageHDU: Sendable, Hashable {
    public var header: FITSHeader
    public var image: FITSImage?
    /// How to store the image. After reading, `nil`: the stored form is not kept.
    public var compression: FITSCompression?

    public init(header: FITSHeader = FITSHeader(), image: FITSImage? = nil, compression: FITSCompression? = nil) {
        self.header = header
        self.image = image
        self.compression = compression
    }
}

/// A table extension.
public struct FITSTableHDU: Sendable, Hashable {
    public var header: FITSHeader
    public var table: FITSTable

    public init(header: FITSHeader = FITSHeader(), table: FITSTable) {
        self.header = header
        self.table = table
    }
}

/// A header-and-data unit.
public enum FITSHDU: Sendable, Hashable {
    case image(FITSImageHDU)
    case table(FITSTableHDU)

    public var header: FITSHeader {
        get {
            switch self {
            case .image(let hdu): hdu.header
            case .table(let hdu): hdu.header
            }
        }
        set {
            switch self {
            case .image(var hdu):
                hdu.header = newValue
                self = .image(hdu)
            case .table(var hdu):
                hdu.header = newValue
                self = .table(hdu)
            }
        }
    }

    public var name: String? { header.string("EXTNAME") }
    public var image: FITSImage? { if case .image(let hdu) = self { hdu.image } else { nil } }
    public var table: FITSTable? { if case .table(let hdu) = self { hdu.table } else { nil } }
}
