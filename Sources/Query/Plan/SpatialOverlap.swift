import ButlerModel
import SkyGeometry

/// A relation between elements on the sky, by way of the pixels that their regions touch. Pixels are coarse: a
/// ``RegionFilter`` decides in the end.
enum SpatialOverlap: Sendable {
    /// The data IDs of an element that touch these pixels.
    case pixelsOfConstraint(DimensionElement, RangeSet, known: [Int: DataIDValue], isDistinct: Bool)
    /// The pairs of data IDs of two elements that touch a common pixel.
    case commonPixels(DimensionElement, DimensionElement, known: [Int: DataIDValue], isDistinct: Bool)
    /// The pixels that an element touches, as values of the common skypix dimension.
    case pixels(DimensionElement, known: [Int: DataIDValue])
}

/// An exact condition on regions, applied to rows after the database has found them. Only a definite "no" removes a row.
enum RegionFilter: Sendable {
    case overlap(DimensionElement, DimensionElement)
    case within(DimensionElement, Region)
}
