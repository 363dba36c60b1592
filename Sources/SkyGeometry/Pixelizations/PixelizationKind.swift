/// The pixelizations by the names that dimension configurations use for them.
public enum PixelizationKind: String, CaseIterable, Sendable {
    case htm = "lsst.sphgeom.HtmPixelization"
    case healpix = "lsst.sphgeom.HealpixPixelization"
    case q3c = "lsst.sphgeom.Q3cPixelization"
    case mq3c = "lsst.sphgeom.Mq3cPixelization"

    /// - Throws: `SkyGeometryError.unknownPixelization`
    public init(className: String) throws(SkyGeometryError) {
        guard let kind = PixelizationKind(rawValue: className) else {
            throw .unknownPixelization(className: className)
        }
        self = kind
    }

    /// The levels the pixelization supports.
    public var levels: ClosedRange<Int> {
        switch self {
        case .htm: HTMPixelization.levels
        case .healpix: HEALPixPixelization.levels
        case .q3c: Q3CPixelization.levels
        case .mq3c: MQ3CPixelization.levels
        }
    }

    /// - Throws: `SkyGeometryError.invalidLevel`
    public func pixelization(level: Int) throws(SkyGeometryError) -> any Pixelization {
        switch self {
        case .htm: try HTMPixelization(level: level)
        case .healpix: try HEALPixPixelization(level: level)
        case .q3c: try Q3CPixelization(level: level)
        case .mq3c: try MQ3CPixelization(level: level)
        }
    }

    func check(level: Int) throws(SkyGeometryError) {
        guard levels.contains(level) else {
            throw .invalidLevel(level, pixelization: rawValue, maximum: levels.upperBound)
        }
    }
}
