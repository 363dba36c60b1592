import AstroTime
import ButlerModel
import Database
import DatabaseSupport
import Foundation
import Registry
import RepositoryConfiguration
import SkyGeometry
import Testing

/// A registry in a directory of its own, which goes when the value does.
final class TemporaryRegistry: Sendable {
    let directory: URL
    let registry: Registry

    /// Another client of its database.
    func reopen(_ access: DatabaseAccess) async throws -> any DatabaseClient {
        try await TestDatabase.reopen(registry.database, in: directory, access: access)
    }

    private init(directory: URL, registry: Registry) {
        self.directory = directory
        self.registry = registry
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    static func make() async throws -> TemporaryRegistry {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("registry-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let database = try await TestDatabase.open(in: directory)
        try await Registry.create(
            database: database, dimensions: try DimensionConfiguration(.object(try DefaultDimensions.configuration())))
        return TemporaryRegistry(
            directory: directory, registry: try await Registry.open(database: database, managers: [:]))
    }

    /// An instrument with two filters, three detectors and two visits, a sky map with a tract, some dataset types.
    static func filled() async throws -> TemporaryRegistry {
        let made = try await make()
        try await made.registry.write { writer in
            let universe = writer.universe
            func record(_ element: String, _ values: [String: ColumnValue]) throws -> DimensionRecord {
                try DimensionRecord(universe.requireElement(element), values)
            }
            var records = [
                try record(
                    "instrument",
                    [
                        "name": .string("Cam"), "detector_max": .int(3), "class_name": .string("x.Y"),
                        "visit_system": .int(0),
                    ]),
                try record("day_obs", ["instrument": .string("Cam"), "id": .int(20260101)]),
                try record(
                    "visit_system", ["instrument": .string("Cam"), "id": .int(0), "name": .string("one-to-one")]),
                try record("skymap", ["name": .string("sky"), "hash": .hash([1, 2, 3])]),
                try record("group", ["instrument": .string("Cam"), "name": .string("g")]),
                try record(
                    "tract",
                    ["skymap": .string("sky"), "id": .int(1), "region": .region(EncodedRegion(try square(10, 0, 2)))]),
            ]
            for (filter, band) in [("g1", "g"), ("r1", "r")] {
                records.append(
                    try record(
                        "physical_filter",
                        ["instrument": .string("Cam"), "name": .string(filter), "band": .string(band)]))
            }
            for detector in 0..<3 {
                records.append(
                    try record(
                        "detector",
                        [
                            "instrument": .string("Cam"), "id": .int(Int64(detector)),
                            "full_name": .string("D\(detector)"),
                        ]))
            }
            for (visit, filter) in [(1, "g1"), (2, "r1")] {
                records.append(
                    try record(
                        "visit",
                        [
                            "instrument": .string("Cam"), "id": .int(Int64(visit)), "name": .string("v\(visit)"),
                            "physical_filter": .string(filter), "day_obs": .int(20260101),
                            "seq_num": .int(Int64(visit)),
                            "region": .region(EncodedRegion(try square(10, Double(visit), 1))),
                            "timespan": .timespan(try span(Int64(visit) * 100, Int64(visit) * 100 + 50)),
                        ]))
                records.append(
                    try record(
                        "exposure",
                        [
                            "instrument": .string("Cam"), "id": .int(Int64(visit)), "obs_id": .string("e\(visit)"),
                            "physical_filter": .string(filter), "day_obs": .int(20260101), "group": .string("g"),
                            "seq_num": .int(Int64(visit)),
                            "timespan": .timespan(try span(Int64(visit) * 100, Int64(visit) * 100 + 50)),
                        ]))
            }
            try writer.insert(records)
            for name in ["run/a", "run/b"] { try writer.registerCollection(name, type: .run) }
            try writer.registerCollection("chain", type: .chained, documentation: "both runs")
            try writer.setChain("chain", children: ["run/b", "run/a"])
            try writer.registerCollection("tag", type: .tagged)
            try writer.registerCollection("calib", type: .calibration)
            try writer.registerDatasetType(
                try DatasetType(
                    name: "image", dimensions: universe.group(["visit", "detector"]), storageClass: "StructuredDataDict"
                ))
            try writer.registerDatasetType(
                try DatasetType(
                    name: "bias", dimensions: universe.group(["detector"]), storageClass: "StructuredDataDict",
                    isCalibration: true))
        }
        return made
    }
}

/// A square around a position, in degrees.
func square(_ longitude: Double, _ latitude: Double, _ size: Double) throws -> Region {
    let half = size / 2
    let corners = try [(-half, -half), (half, -half), (half, half), (-half, half)].map { x, y in
        UnitVector(try LonLat(lonDegrees: longitude + x, latDegrees: latitude + y))
    }
    return .polygon(try ConvexPolygon(hullOf: corners))
}

/// Seconds after an arbitrary instant.
func span(_ begin: Int64, _ end: Int64) throws -> Timespan {
    let origin: Int64 = 1_700_000_000_000_000_000
    return try Timespan(
        begin: TAINanoseconds(rawValue: origin + begin * 1_000_000_000),
        end: TAINanoseconds(rawValue: origin + end * 1_000_000_000))
}
