import Database
import SkyGeometry

/// The sky map of the survey: four tracts around its centre, each a plane of three by three overlapping patches.
struct SkyDivision: Sendable {
    static let name = "steward_sky"
    static let patchesPerSide = 3

    struct Tract: Sendable {
        let id: Int
        let region: ConvexPolygon
        let patches: [Patch]
    }

    struct Patch: Sendable {
        let id: Int
        let column: Int
        let row: Int
        let region: ConvexPolygon
        /// Directions on a regular grid over the patch.
        let samples: [UnitVector]
    }

    private static let tractSide = 0.96
    /// Tract centres are this far from the survey's centre, so that neighbours share a strip of 0.04°.
    private static let tractOffset = 0.46
    /// How far a patch reaches into its neighbours.
    private static let patchBorder = 0.01
    private static let samplesPerSide = 12

    let tracts: [Tract]

    init() throws {
        tracts = try (0..<4).map { id in
            let (east, north) = (id % 2 == 0 ? Self.tractOffset : -Self.tractOffset, id < 2 ? -1 : 1)
            let centre = LonLat(
                try Schedule.centre.direction(xi: east, eta: Double(north) * Self.tractOffset))
            let plane = TangentPlane(rightAscension: centre.lon.degrees, declination: centre.lat.degrees)
            let half = Self.tractSide / 2
            return Tract(
                id: id, region: try plane.rectangle(xi: -half...half, eta: -half...half),
                patches: try (0..<Self.patchesPerSide * Self.patchesPerSide).map { try Self.patch($0, plane) })
        }
    }

    private static func patch(_ id: Int, _ plane: TangentPlane) throws -> Patch {
        let (column, row) = (id % patchesPerSide, id / patchesPerSide)
        func side(_ index: Int) -> ClosedRange<Double> {
            let inner = tractSide / Double(patchesPerSide)
            let start = -tractSide / 2 + Double(index) * inner
            return max(start - patchBorder, -tractSide / 2)...min(start + inner + patchBorder, tractSide / 2)
        }
        let (xi, eta) = (side(column), side(row))
        var samples: [UnitVector] = []
        for j in 0..<samplesPerSide {
            for i in 0..<samplesPerSide {
                let (u, v) = ((Double(i) + 0.5) / Double(samplesPerSide), (Double(j) + 0.5) / Double(samplesPerSide))
                samples.append(
                    try plane.direction(
                        xi: xi.lowerBound + u * (xi.upperBound - xi.lowerBound),
                        eta: eta.lowerBound + v * (eta.upperBound - eta.lowerBound)))
            }
        }
        return Patch(
            id: id, column: column, row: row, region: try plane.rectangle(xi: xi, eta: eta), samples: samples)
    }

    /// Digest of what defines the division: 40 bytes, the hexadecimal digits of a hash as other sky maps have them.
    static var hash: [UInt8] {
        let definition =
            "\(name) \(Schedule.centre.rightAscension) \(Schedule.centre.declination) \(tractSide) \(tractOffset) "
            + "\(patchesPerSide) \(patchBorder)"
        return Array(BLAKE2b.hexadecimalDigest(of: Array(definition.utf8)).utf8.prefix(40))
    }
}
