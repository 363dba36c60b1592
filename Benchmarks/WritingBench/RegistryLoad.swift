import AstroTime
import Butler
import ButlerModel
import Database
import Datastore
import Foundation
import Registry

/// A repository of any size, loaded as fast as the registry takes it.
struct RegistryLoad {
    static let instrument = "Big"
    static let detectors = 200
    static let type = "raw"
    static let run = "Big/raw/all"
    /// Has a second run before the first, with the datasets of every hundredth exposure made again, so that a search for
    /// the first dataset has something to choose.
    static let chain = "Big/all"
    /// An empty run.
    static let more = "Big/more"
    /// How many datasets are handed over at a time.
    private static let piece = 20_000

    /// Exposures, detectors, `count` datasets and the records of their files. Gives the seconds of that; a chain to look
    /// into is made afterwards.
    ///
    /// - Parameter writers: how many clients share the datasets, each with a transaction of its own; of one alone, it is
    ///   one transaction with all else.
    static func load(_ repository: String, _ count: Int, writers: Int = 1) async throws -> Double {
        let butler = try await DirectButler.open(repository, writeable: true)
        let seconds = try await WritingBench.time {
            let first = writers > 1 ? min(count, detectors) : count
            try await butler.registry.write { writer in
                try describe(writer, count)
                try fill(writer, 0..<first)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                let share = (count - first + writers - 1) / writers
                for start in stride(from: first, to: count, by: max(1, share)) {
                    group.addTask {
                        let other = try await DirectButler.open(repository, writeable: true)
                        try await other.registry.write { try fill($0, start..<min(count, start + share)) }
                        try await other.close()
                    }
                }
                try await group.waitForAll()
            }
        }
        try await butler.registry.write { writer in try makeChain(writer, count) }
        try await butler.close()
        return seconds
    }

    private static func makeChain(_ writer: RegistryWriter, _ count: Int) throws {
        let again = "Big/raw/again"
        for run in [again, more] { try writer.registerCollection(run, type: .run) }
        for exposure in stride(from: 0, to: max(1, count / detectors), by: 100) {
            try insert(writer, run: again, exposure: exposure)
        }
        try writer.registerCollection(chain, type: .chained)
        try writer.setChain(chain, children: [again, run])
    }

    /// All that the datasets need.
    private static func describe(_ writer: RegistryWriter, _ count: Int) throws {
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
    }

    /// The datasets with these numbers.
    private static func fill(_ writer: RegistryWriter, _ numbers: Range<Int>) throws {
        let stored = try writer.snapshot.datasetType(type)
        let names = stored.dimensions.requiredNames
        for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: piece) {
            let dataIDs = (start..<min(numbers.upperBound, start + piece)).map { number in
                DataCoordinate(group: stored.dimensions, values: names.map { value(of: $0, number) })
            }
            let refs = try writer.insertDatasets(stored, run: run, dataIDs: dataIDs)
            try keepFileRecords(refs, writer.connection)
        }
    }

    /// The datasets of one exposure, in another run.
    static func insert(_ writer: RegistryWriter, run: String, exposure: Int) throws {
        let stored = try writer.snapshot.datasetType(type)
        let names = stored.dimensions.requiredNames
        let dataIDs = (exposure * detectors..<(exposure + 1) * detectors).map { number in
            DataCoordinate(group: stored.dimensions, values: names.map { value(of: $0, number) })
        }
        _ = try writer.insertDatasets(stored, run: run, dataIDs: dataIDs)
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
}
