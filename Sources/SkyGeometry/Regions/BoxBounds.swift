import Foundation

extension Box {
    /// A circle around the box, with a margin for rounding.
    public var boundingCircle: Circle {
        if isEmpty { return .empty }
        if isFull { return .full }
        return width.radians <= pi ? circleAroundCorners : circleAroundWideBox
    }

    /// For a width up to π, the corners decide. The centre lies on the middle meridian, at the latitude closest to
    /// the southern corners, to the northern ones, or equally far from all four.
    private var circleAroundCorners: Circle {
        let (west, east) = (lon.a.radians, lon.b.radians)
        let (south, north) = (lat.radians.lower, lat.radians.upper)
        let corners = [
            UnitVector(lon: west, lat: south), UnitVector(lon: west, lat: north),
            UnitVector(lon: east, lat: south), UnitVector(lon: east, lat: north),
        ]
        let middle = lon.center.radians
        let c = cos(width.radians * 0.5)
        let nearSouth: Double
        let nearNorth: Double
        let even: Double
        if c == 0.0 {
            nearSouth = copysign(0.5 * pi, south)
            nearNorth = copysign(0.5 * pi, north)
            even = 0.0
        } else {
            nearSouth = atan(tan(south) / c)
            nearNorth = atan(tan(north) / c)
            even = atan(c * tan(lat.radians.center))
        }
        let center: UnitVector
        if nearSouth <= even && even <= nearNorth {
            center = UnitVector(lon: middle, lat: even)
        } else {
            let p1 = UnitVector(lon: middle, lat: nearSouth)
            let p2 = UnitVector(lon: middle, lat: nearNorth)
            center = p1.dot(corners[0]) > p2.dot(corners[1]) ? p2 : p1
        }
        let chord = corners.dropFirst().reduce(center.squaredChord(to: corners[0])) {
            larger($0, center.squaredChord(to: $1))
        }
        return Circle(center: center, squaredChordLength: chord + 2.0 * maxSquaredChordLengthError)
    }

    /// For a width beyond π: around the nearer pole or, if smaller, around the middle of the equator.
    private var circleAroundWideBox: Circle {
        let (south, north) = (lat.radians.lower, lat.radians.upper)
        var center: UnitVector
        var r: Double
        if abs(south) <= abs(north) {
            center = .Z
            r = 0.5 * pi - south
        } else {
            center = -UnitVector.Z
            r = north + 0.5 * pi
        }
        if !lon.isFull && width.radians * 0.5 < r {
            r = width.radians * 0.5
            center = UnitVector(lon: lon.center.radians, lat: 0.0)
        }
        return Circle(center: center, openingAngle: Angle(radians: r + 4.0 * maxAsinError))
    }

    /// A box in space around the box, with a margin for rounding.
    public var boundingBox3: Box3 {
        if isEmpty { return .empty }
        if isFull { return .aroundUnitSphere }
        let (south, north) = (lat.radians.lower, lat.radians.upper)
        let (sinSouth, cosSouth) = (sin(south), cos(south))
        let (sinNorth, cosNorth) = (sin(north), cos(north))
        let hasEquator = lat.contains(Angle(radians: 0.0))
        // Of the parallel where the box is widest.
        let greatestCosine = hasEquator ? 1.0 : larger(cosSouth, cosNorth) + roundingUnit

        func side(_ west: Double, _ east: Double, positiveAxis: Double, negativeAxis: Double) -> Interval {
            let (a, b, c, d) = (west * cosSouth, east * cosSouth, west * cosNorth, east * cosNorth)
            var least = smaller(smaller(a, b), smaller(c, d)) - 2.5 * roundingUnit
            var most = larger(larger(a, b), larger(c, d)) + 2.5 * roundingUnit
            if hasEquator {
                least = smaller(least, smaller(west, east) - roundingUnit)
                most = larger(most, larger(west, east) + roundingUnit)
            }
            if lon.contains(NormalizedAngle(radians: positiveAxis)) { most = larger(most, greatestCosine) }
            if lon.contains(NormalizedAngle(radians: negativeAxis)) { least = smaller(least, -greatestCosine) }
            return Interval(larger(-1.0, least), smaller(1.0, most))
        }
        return Box3(
            side(cos(lon.a.radians), cos(lon.b.radians), positiveAxis: 0.0, negativeAxis: pi),
            side(sin(lon.a.radians), sin(lon.b.radians), positiveAxis: 0.5 * pi, negativeAxis: 1.5 * pi),
            Interval(larger(-1.0, sinSouth - roundingUnit), smaller(1.0, sinNorth + roundingUnit)))
    }
}
