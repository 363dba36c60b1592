import AstroTime
import ButlerModel
import Database
import DatabaseSupport
import Foundation
import QueryModel
import Registry
import RepositoryConfiguration
import SkyGeometry
import Testing

/// A repository of the shape that the query system reference describes in section 7 (repository A): biases and flats in
/// two runs, chains, a tag, validity ranges, visits on the sky with a sky map under them.
final class QueryRepository: Sendable {
    let registry: Registry
    private let directory: URL?

    var universe: DimensionUniverse { registry.universe }

    /// One that tests share. It is in memory, or on a server, and nobody writes to it.
    static var shared: Task<QueryRepository, any Error> { lacksTemporaryTables ? bare : whole }

    /// Whether it is one whose server forbids temporary tables.
    @TaskLocal static var lacksTemporaryTables = false

    private static let bare = Task {
        let made = try await make()
        let database = try await TestDatabase.reopen(
            made.registry.database, in: made.directory ?? FileManager.default.temporaryDirectory, access: .readOnly,
            allowsTemporaryTables: false)
        return QueryRepository(registry: try await Registry.open(database: database, managers: [:]), directory: nil)
    }

    private static let whole = Task {
        guard !TestDatabase.isPostgreSQL else { return try await make() }
        let database = try await SQLiteClient.open(.memory, DatabaseOptions(access: .create, busyTimeout: .seconds(10)))
        return try await QueryRepository(registry: open(database), directory: nil).filled()
    }

    /// A new one in a file, which goes with the value.
    static func make() async throws -> QueryRepository {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("query-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let database = try await TestDatabase.open(in: directory)
        return try await QueryRepository(registry: open(database), directory: directory).filled()
    }

    private static func open(_ database: any DatabaseClient) async throws -> Registry {
        try await Registry.create(
            database: database, dimensions: try DimensionConfiguration(.object(try DefaultDimensions.configuration())))
        return try await Registry.open(database: database, managers: [:])
    }

    private init(registry: Registry, directory: URL?) {
        self.registry = registry
        self.directory = directory
    }

    deinit { if let directory { try? FileManager.default.removeItem(at: directory) } }

    private func filled() async throws -> QueryRepository {
        try await registry.write { writer in
            try writer.insert(try Self.cameraRecords(writer.universe) + Self.skyRecords(writer.universe))
            try Self.registerTypes(writer)
            try Self.registerCollections(writer)
            try Self.insertDatasets(writer)
        }
        return self
    }

    // MARK: Dimensions

    static func record(
        _ universe: DimensionUniverse, _ element: String, _ values: [String: ColumnValue]
    ) throws -> DimensionRecord {
        try DimensionRecord(universe.requireElement(element), values)
    }

    private static func cameraRecords(_ universe: DimensionUniverse) throws -> [DimensionRecord] {
        let cam: ColumnValue = .string("Cam1")
        var records: [DimensionRecord] = []
        func add(_ element: String, _ values: [String: ColumnValue]) throws {
            records.append(try record(universe, element, values))
        }
        for name in ["Cam1", "Cam2"] {
            try add("instrument", ["name": .string(name), "detector_max": .int(4), "visit_system": .int(1)])
        }
        for (name, band) in [("Cam1-G", "g"), ("Cam1-R1", "r"), ("Cam1-R2", "r")] {
            try add("physical_filter", ["instrument": cam, "name": .string(name), "band": .string(band)])
        }
        for (id, raft, name) in [(1, "A", "a"), (2, "A", "b"), (3, "B", "a"), (4, "B", "b")]
            as [(Int64, String, String)]
        {
            try add(
                "detector",
                [
                    "instrument": cam, "id": .int(id), "raft": .string(raft), "name_in_raft": .string(name),
                    "full_name": .string(raft + name), "purpose": .string(id == 4 ? "WAVEFRONT" : "SCIENCE"),
                ])
        }
        try add("day_obs", ["instrument": cam, "id": .int(20_200_101)])
        try add("group", ["instrument": cam, "name": .string("group")])
        for id in 0..<5 as Range<Int64> {
            // The last one has nothing that may be left out.
            let isBare = id == 4
            try add(
                "exposure",
                [
                    "instrument": cam, "id": .int(id), "obs_id": .string("e\(id)"),
                    "physical_filter": .string(id % 2 == 0 ? "Cam1-G" : "Cam1-R1"), "day_obs": .int(20_200_101),
                    "group": .string("group"), "seq_num": .int(id),
                    "exposure_time": isBare ? .null : .float(Double(10 * id)),
                    "can_see_sky": id == 0 ? .bool(true) : id == 1 ? .bool(false) : .null,
                    "target_name": isBare
                        ? .null : .string(id == 1 ? "line\u{2028}\u{2029}\u{85}[é]*" : "target_\(id)"),
                    "timespan": isBare ? .null : .timespan(try hours(1 + id, 2 + id)),
                ])
        }
        try add("visit_system", ["instrument": cam, "id": .int(1), "name": .string("one-to-one")])
        return records
    }

    /// Visits of 0.2 by 0.2 degrees, each in four detectors, and two tracts in patches. All lie within few pixels of
    /// the common system, so that pixels alone would relate nearly everything to everything.
    private static func skyRecords(_ universe: DimensionUniverse) throws -> [DimensionRecord] {
        let (cam, map): (ColumnValue, ColumnValue) = (.string("Cam1"), .string("SkyMap1"))
        var records = [try record(universe, "skymap", ["name": map, "hash": .hash(Array("notreallyahash".utf8))])]
        func add(_ element: String, _ values: [String: ColumnValue]) throws {
            records.append(try record(universe, element, values))
        }
        for (visit, filter, west) in [(1, "Cam1-G", 9.9), (2, "Cam1-R1", 10.05)] as [(Int64, String, Double)] {
            try add(
                "visit",
                [
                    "instrument": cam, "id": .int(visit), "name": .string("v\(visit)"),
                    "physical_filter": .string(filter),
                    "day_obs": .int(20_200_101), "exposure_time": .float(60 / Double(visit)),
                    "region": .region(try box(west, -0.1, west + 0.2, 0.1)),
                    "timespan": .timespan(try hours(2 * visit - 1, 2 * visit)),
                ])
            for detector in 1...4 as ClosedRange<Int64> {
                let x = west + (detector % 2 == 0 ? 0.101 : 0.001)
                let y = detector > 2 ? 0.001 : -0.099
                try add(
                    "visit_detector_region",
                    [
                        "instrument": cam, "visit": .int(visit), "detector": .int(detector),
                        "region": .region(try box(x, y, x + 0.098, y + 0.098)),
                    ])
            }
        }
        // Exposures and their visit have the same filter.
        for (exposure, visit) in [(0, 1), (2, 1), (1, 2)] as [(Int64, Int64)] {
            try add("visit_definition", ["instrument": cam, "exposure": .int(exposure), "visit": .int(visit)])
        }
        for (tract, west, east) in [(0, 9.7, 9.995), (1, 10.005, 10.3)] as [(Int64, Double, Double)] {
            try add(
                "tract",
                ["skymap": map, "id": .int(tract), "region": .region(try box(west, -0.15, east, 0.15))])
            let middle = (west + east) / 2
            for patch in 0..<4 as Range<Int64> {
                let (x0, x1) = patch % 2 == 0 ? (west, middle - 0.001) : (middle + 0.001, east)
                let (y0, y1) = patch < 2 ? (-0.15, -0.0005) : (0.0005, 0.15)
                try add(
                    "patch",
                    [
                        "skymap": map, "tract": .int(tract), "id": .int(patch), "cell_x": .int(patch % 2),
                        "cell_y": .int(patch / 2), "region": .region(try box(x0, y0, x1, y1)),
                    ])
            }
        }
        return records
    }

    /// The polygon between two corners, in degrees.
    static func box(_ west: Double, _ south: Double, _ east: Double, _ north: Double) throws -> EncodedRegion {
        let corners = try [(west, south), (east, south), (east, north), (west, north)].map { longitude, latitude in
            UnitVector(try LonLat(lonDegrees: longitude, latDegrees: latitude))
        }
        return EncodedRegion(.polygon(try ConvexPolygon(hullOf: corners)))
    }

    /// 2020-01-01 in TAI, from one full hour to another; without an end, for ever.
    static func hours(_ begin: Int64, _ end: Int64?) throws -> Timespan {
        func time(_ hour: Int64) -> TAINanoseconds {
            TAINanoseconds(rawValue: 1_577_836_800_000_000_000 + hour * 3_600_000_000_000)
        }
        return try Timespan(begin: time(begin), end: end.map(time))
    }

    // MARK: Datasets

    private static func registerTypes(_ writer: RegistryWriter) throws {
        for (name, dimensions, isCalibration) in [
            ("bias", ["detector"], true), ("flat", ["detector", "physical_filter"], true),
            ("calexp", ["visit", "detector"], false), ("warp", ["visit", "tract"], false), ("cat1", ["htm7"], false),
            ("packages", [], false), ("earlier", ["detector"], false), ("Bias", ["detector"], false),
        ] {
            try writer.registerDatasetType(
                try DatasetType(
                    name: name, dimensions: writer.universe.group(dimensions), storageClass: "StructuredDataDict",
                    isCalibration: isCalibration))
        }
    }

    private static func registerCollections(_ writer: RegistryWriter) throws {
        for run in ["imported_g", "imported_r", "empty", "refcats", "run1"] {
            try writer.registerCollection(run, type: .run)
        }
        try writer.registerCollection("tag", type: .tagged)
        try writer.registerCollection("calib", type: .calibration)
        for (name, children) in [
            ("chain", ["imported_g", "empty", "imported_r"]), ("chain2", ["imported_r", "imported_g"]),
            ("nested", ["empty", "chain2", "chain"]), ("none", []),
        ] {
            try writer.registerCollection(name, type: .chained)
            try writer.setChain(name, children: children)
        }
    }

    /// Inserts datasets of a type, one for each data ID.
    @discardableResult
    static func insert(
        _ writer: RegistryWriter, _ name: String, _ run: String, _ ids: [[String: DataIDValue]]
    ) throws -> [DatasetRef] {
        let type = try writer.snapshot.datasetType(name)
        return try writer.insertDatasets(
            type, run: run, dataIDs: try ids.map { try writer.snapshot.standardize($0, for: type) })
    }

    private static func insertDatasets(_ writer: RegistryWriter) throws {
        func id(_ detector: Int64, _ more: [String: DataIDValue] = [:]) -> [String: DataIDValue] {
            more.merging(["instrument": "Cam1", "detector": .int(detector)]) { $1 }
        }
        let biasG = try insert(writer, "bias", "imported_g", (1...3).map { id($0) })
        let biasR = try insert(writer, "bias", "imported_r", (2...4).map { id($0) })
        let flatG = try insert(writer, "flat", "imported_g", (2...4).map { id($0, ["physical_filter": "Cam1-G"]) })
        try insert(
            writer, "flat", "imported_r",
            (1...4).map { id($0, ["physical_filter": $0 < 3 ? "Cam1-R1" : "Cam1-R2"]) })
        try writer.associate(Array(flatG.prefix(2)), with: "tag")
        try writer.certify([biasG[1]], in: "calib", timespan: try hours(2, 4))
        try writer.certify([biasG[2]], in: "calib", timespan: try hours(1, 3))
        try writer.certify(Array(biasR.prefix(2)), in: "calib", timespan: try hours(4, nil))
        try insert(
            writer, "calexp", "run1",
            [(1, 1), (1, 2), (2, 1)].map { visit, detector in id(detector, ["visit": .int(visit)]) })
        try insert(writer, "warp", "run1", [["instrument": "Cam1", "visit": 1, "skymap": "SkyMap1", "tract": 1]])
        try insert(writer, "cat1", "refcats", try commonPixels(writer.universe).map { ["htm7": .int($0)] })
        for run in ["imported_g", "imported_r"] { try insert(writer, "packages", run, [[:]]) }
        for name in ["earlier", "Bias"] {
            try insert(writer, name, "imported_g", [id(1)])
            try insert(writer, name, "imported_r", [id(1), id(2)])
        }
    }

    /// The pixels of the common system that the visits may touch.
    private static func commonPixels(_ universe: DimensionUniverse) throws -> [Int64] {
        let skypix = try #require(universe.commonSkypix.skypix)
        let pixelization = try PixelizationKind(className: skypix.className).pixelization(level: skypix.level)
        let envelope = try pixelization.envelope(of: try box(9.9, -0.1, 10.25, 0.1).decoded())
        return envelope.ranges.flatMap { $0.map { Int64($0) } }
    }
}
