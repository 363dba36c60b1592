import AstroTime
import Butler
import ButlerModel
import Database
import Datastore
import Foundation
import Registry

/// A repository of any size, loaded as fast as the registry takes it, and what operations on it cost.
struct RegistryLoad {
    static let instrument = "Big"
    static let detectors = 200
    static let type = "raw"
    static let run = "Big/raw/all"
    /// How many datasets are handed over at a time.
    private static let piece = 20_000

    /// Exposures, detectors, `count` datasets and the records of their files, all in one transaction.
    static func load(_ repository: String, _ count: Int) async throws -> Double {
        let butler = try await DirectButler.open(repository, writeable: true)
        let seconds = try await WritingBench.time {
            try await butler.registry.write { writer in try fill(writer, count) }
        }
        try await butler.close()
        return seconds
    }

    private static func fill(_ writer: RegistryWriter, _ count: Int) throws {
        let universe = writer.universe
        func record(_ element: String, _ values: [String: ColumnValue]) throws -> DimensionRecord {
            try DimensionRecord(try universe.requireElement(element), values)
        }
        let exposures = (count + detectors - 1) / detectors
        let name: ColumnValue = .string(instrument)
        try writer.insert([
            record(
                "instrument",
                [
                    "name": name, "detector_max": .int(Int64(detectors)), "visit_max": .int(.max),
                    "exposure_max": .int(.max), "class_name": .string("big.Camera"),
                ]),
            record("physical_filter", ["instrument": name, "name": .string("r"), "band": .string("r")]),
        ])
        try writer.insert(
            (0..<detectors).map { id in
                try record("detector", ["instrument": name, "id": .int(Int64(id)), "full_name": .string("D\(id)")])
            })
        let days = Set((0..<exposures).map { $0 / 500 })
        try writer.insert(
            days.sorted().map { try record("day_obs", ["instrument": name, "id": .int(Int64(20_300_000 + $0))]) })
        try writer.insert(
            (0..<exposures).map { try record("group", ["instrument": name, "name": .string("g\($0)")]) })
        try writer.insert(
            (0..<exposures).map { id in
                let begin = 1_900_000_000_000_000_000 + Int64(id) * 40_000_000_000
                let span = Timespan(storedNanoseconds: begin, begin + 30_000_000_000)
                return try record(
                    "exposure",
                    [
                        "instrument": name, "id": .int(Int64(id)), "obs_id": .string("E\(id)"),
                        "physical_filter": .string("r"), "group": .string("g\(id)"),
                        "day_obs": .int(Int64(20_300_000 + id / 500)), "exposure_time": .float(30),
                        "timespan": .timespan(span),
                    ])
            })
        let group = try universe.group(["exposure", "detector"])
        let datasetType = try DatasetType(name: type, dimensions: group, storageClass: "StructuredDataDict")
        _ = try writer.registerDatasetType(datasetType)
        try writer.registerCollection(run, type: .run)
        let names = group.requiredNames
        for start in stride(from: 0, to: count, by: piece) {
            let dataIDs = (start..<min(count, start + piece)).map { number in
                DataCoordinate(group: group, values: names.map { value(of: $0, number) })
            }
            let refs = try writer.insertDatasets(datasetType, run: run, dataIDs: dataIDs)
            try keepFileRecords(refs, writer.connection)
        }
    }

    private static func value(of dimension: String, _ number: Int) -> DataIDValue {
        switch dimension {
        case "instrument": .string(instrument)
        case "detector": .int(Int64(number % detectors))
        default: .int(Int64(number / detectors))
        }
    }

    /// What a file datastore would say about files that are not there.
    private static func keepFileRecords(_ refs: [DatasetRef], _ connection: any DatabaseConnection) throws {
        let text: (String) -> ColumnSpecification = { ColumnSpecification($0, .text) }
        let records = TableSpecification(
            "file_datastore_records",
            columns: [
                ColumnSpecification("dataset_id", .uuid), text("path"), text("formatter"), text("storage_class"),
                ColumnSpecification("component", .string(length: 32)),
                ColumnSpecification("file_size", .int, isNullable: true),
            ], primaryKey: ["dataset_id", "component"])
        let locations = TableSpecification(
            "dataset_location", columns: [text("datastore_name"), ColumnSpecification("dataset_id", .uuid)],
            primaryKey: ["datastore_name", "dataset_id"])
        try connection.executeMany(
            try SQL.insert(into: records),
            rows: refs.map { ref in
                [
                    .uuid(ref.id.uuid), .text("\(run)/\(ref.id).json"),
                    .text("lsst.daf.butler.formatters.json.JsonFormatter"), .text("StructuredDataDict"),
                    .text("__NULL_STRING__"), .int(1000),
                ]
            })
        try connection.executeMany(
            try SQL.insert(into: locations),
            rows: refs.map { [.text("FileDatastore@<butlerRoot>"), .uuid($0.id.uuid)] })
    }

    // MARK: What operations cost

    /// The median seconds of operations, by name, as JSON.
    static func operations(_ repository: String, _ count: Int, _ repetitions: Int) async throws -> String {
        let butler = try await DirectButler.open(repository, writeable: true)
        let exposures = max(1, count / detectors)
        var random = SystemRandomNumberGenerator()
        var results: [(String, Double)] = []
        func measure(_ name: String, _ times: Int, _ body: () async throws -> Void) async throws {
            try await body()
            var seconds: [Double] = []
            for _ in 0..<times { seconds.append(try await WritingBench.time(body)) }
            results.append((name, seconds.sorted()[seconds.count / 2]))
        }
        func exposure() -> Int64 { Int64.random(in: 0..<Int64(exposures), using: &random) }
        try await measure("find_dataset", repetitions) {
            let found = try await butler.findDataset(
                type, dataID: ["instrument": .string(instrument), "exposure": .int(exposure()), "detector": .int(7)],
                collections: [run], time: .ofDataID)
            guard found != nil else { throw WritingBench.Usage() }
        }
        try await measure("datasets of an exposure", repetitions) {
            let refs = try await butler.query.datasets(type, in: [run])
                .where("instrument = '\(instrument)' AND exposure = \(exposure())").all()
            guard refs.count == detectors else { throw WritingBench.Usage() }
        }
        try await measure("page of 1000, first", repetitions) {
            _ = try await butler.query.datasets(type, in: [run]).where("instrument = '\(instrument)'")
                .orderBy("exposure", "detector").limit(1000).all()
        }
        try await measure("page of 1000, behind a key", repetitions) {
            let key = exposure() / 2 + Int64(exposures / 2)
            _ = try await butler.query.datasets(type, in: [run])
                .where("instrument = '\(instrument)' AND exposure >= \(key)")
                .orderBy("exposure", "detector").limit(1000).all()
        }
        try await measure("exposures of a time", repetitions) {
            _ = try await butler.queryDimensionRecords(
                "exposure", where: "instrument = '\(instrument)' AND exposure.day_obs = 20300000")
        }
        try await measure("all datasets", 1) {
            var seen = 0
            for try await _ in butler.query.datasets(type, in: [run]) { seen += 1 }
            guard seen == count else { throw WritingBench.Usage() }
        }
        try await butler.registry.write { writer in try writer.registerCollection("Big/more", type: .run) }
        var exposureNumber: Int64 = 0
        try await measure("insert 200 datasets", min(repetitions, exposures - 1)) {
            exposureNumber += 1
            let number = Int(exposureNumber - 1) % exposures
            try await butler.registry.write { writer in
                let stored = try writer.snapshot.datasetType(type)
                let names = stored.dimensions.requiredNames
                let dataIDs = (0..<detectors).map { detector in
                    DataCoordinate(
                        group: stored.dimensions, values: names.map { value(of: $0, number * detectors + detector) })
                }
                _ = try writer.insertDatasets(stored, run: "Big/more", dataIDs: dataIDs)
            }
        }
        try await measure("remove 200 datasets", 1) {
            let refs = try await butler.query.datasets(type, in: ["Big/more"]).limit(200).all()
            try await butler.registry.write { writer in try writer.removeDatasets(refs.map(\.id)) }
        }
        try await butler.registry.write { writer in try writer.removeRuns(["Big/more"], unlinksFromChains: false) }
        try await butler.close()
        return "{" + results.map { #""\#($0.0)": \#($0.1)"# }.joined(separator: ", ") + "}"
    }
}
