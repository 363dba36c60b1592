/// A value that describes no geometry.
public enum SkyGeometryError: Error, Hashable, Sendable {
    case notADirection(Vector3)
    case invalidLatitude(degrees: Double)
    case invalidLongitude
    case invalidLongitudeRange(Double, Double)
    case invalidEllipse(String)
    case hullIsFullSphere
    case hullHasTooFewPoints
    case invalidPosition(String, problem: String)
    case unknownPixelization(className: String)
    case invalidLevel(Int, pixelization: String, maximum: Int)
    case invalidPixel(UInt64, pixelization: String)
    case unsupportedRegion(pixelization: String, problem: String)
    case maxRangesUnsupported(pixelization: String)
}

extension SkyGeometryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notADirection(let v):
            "Vector (\(v.x), \(v.y), \(v.z)) has no direction; give finite components that are not all zero."
        case .invalidLatitude(let degrees):
            "Latitude \(degrees)° lies outside of ±90°."
        case .invalidLongitude:
            "Longitude is not a finite number."
        case .invalidLongitudeRange(let a, let b):
            "Longitude range \(a)° … \(b)° is out of order; give the ends in order or both within 0° … 360°."
        case .invalidEllipse(let problem):
            "Invalid ellipse: \(problem)."
        case .hullIsFullSphere:
            "The convex hull of the points is the whole sphere; give points within one hemisphere."
        case .hullHasTooFewPoints:
            "The convex hull of the points has no area; give at least 3 distinct points that are not on one great circle."
        case .invalidPosition(let text, let problem):
            "Invalid POS string '\(text)': \(problem)."
        case .unknownPixelization(let name):
            "Unknown pixelization '\(name)'; known are \(PixelizationKind.allCases.map(\.rawValue).joined(separator: ", "))."
        case .invalidLevel(let level, let pixelization, let maximum):
            "Level \(level) is outside of 0 … \(maximum) for \(pixelization)."
        case .invalidPixel(let index, let pixelization):
            "Index \(index) is no pixel of \(pixelization)."
        case .unsupportedRegion(let pixelization, let problem):
            "\(pixelization) cannot search this region: \(problem)."
        case .maxRangesUnsupported(let pixelization):
            "\(pixelization) cannot limit the number of ranges; use maxRanges 0."
        }
    }
}
