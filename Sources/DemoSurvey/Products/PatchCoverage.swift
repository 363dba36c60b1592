import SkyGeometry
import StructuredData

/// How often a patch was observed in a band: counted at the points of a grid, from the detectors' regions.
struct PatchCoverage: Sendable {
    let tract: Int
    let patch: Int
    let band: String
    let summary: StructuredValue

    /// Coverage of all patches that have any, in the order of tract, patch and band.
    static func all(_ footprints: [VisitFootprint], of division: SkyDivision) -> [PatchCoverage] {
        division.tracts.flatMap { tract in
            tract.patches.flatMap { patch in
                Camera.filters.compactMap { filter in
                    PatchCoverage(footprints.filter { $0.visit.filter.band == filter.band }, filter, patch, tract)
                }
            }
        }
    }

    private init?(
        _ footprints: [VisitFootprint], _ filter: Filter, _ patch: SkyDivision.Patch, _ tract: SkyDivision.Tract
    ) {
        var depths = [Int](repeating: 0, count: patch.samples.count)
        var visits: [Int] = []
        for footprint in footprints {
            var isHit = false
            for (index, point) in patch.samples.enumerated() where footprint.region.contains(point) {
                if footprint.detectors.contains(where: { $0.contains(point) }) {
                    depths[index] += 1
                    isHit = true
                }
            }
            if isHit { visits.append(footprint.visit.id) }
        }
        guard !visits.isEmpty else { return nil }
        self.tract = tract.id
        self.patch = patch.id
        band = filter.band
        let count = Double(depths.count)
        summary = [
            "tract": .int(Int64(tract.id)),
            "patch": .int(Int64(patch.id)),
            "band": .string(filter.band),
            "visits": .array(visits.map { .int(Int64($0)) }),
            "covered_fraction": Decimals.value(Double(depths.count { $0 > 0 }) / count, 4),
            "mean_exposures": Decimals.value(Double(depths.reduce(0, +)) / count, 4),
            "most_exposures": .int(Int64(depths.max() ?? 0)),
            "mean_exposure_time_s": Decimals.value(Double(depths.reduce(0, +)) / count * Visit.exposureTime, 3),
        ]
    }
}

/// Where the detectors of a visit were on the sky.
struct VisitFootprint: Sendable {
    let visit: Visit
    /// By detector number.
    let detectors: [ConvexPolygon]
    /// The convex hull of the detectors.
    let region: ConvexPolygon

    init(_ visit: Visit, camera: Camera) throws {
        self.visit = visit
        detectors = try camera.detectors.map { try visit.projection($0, of: camera).region() }
        region = try ConvexPolygon(hullOf: detectors.flatMap(\.vertices))
    }
}
