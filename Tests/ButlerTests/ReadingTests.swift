import Butler
import ButlerModel
import Datastore
import FITS
import Foundation
import ObjectStorage
import Registry
import RepositoryConfiguration
import StructuredData
import Testing

/// A writeable repository with one instrument, its records and a run.
///
/// - Parameters:
///   - datastore: lines that are added to the datastore's configuration.
///   - datastoreClass: instead of a file datastore.
private func withRepository<T>(
    datastore: String = "", datastoreClass: String? = nil, _ body: (DirectButler) async throws -> T
) async throws -> T {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("reading-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let environment = ConfigurationEnvironment(variables: [:])
    try await DirectButler.create(path, options: try creation(), environment: environment)
    let file = path + "/butler.yaml"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.replacingOccurrences(of: "datastore:\n", with: "datastore:\n" + datastore)
        .replacingOccurrences(of: "fileDatastore.FileDatastore", with: datastoreClass ?? "fileDatastore.FileDatastore")
        .write(toFile: file, atomically: true, encoding: .utf8)
    let butler = try await DirectButler.open(
        path, writeable: true, defaults: ButlerDefaults(collections: ["r"]), environment: environment)
    let universe = butler.universe
    try await butler.registry.write { writer in
        try writer.registerCollection("r", type: .run, documentation: nil)
        func record(_ element: String, _ values: [String: ColumnValue]) throws -> DimensionRecord {
            guard let element = universe.element(element) else { throw ButlerError(.dimensionName, element) }
            return DimensionRecord(element: element, values: element.columns.map { values[$0.name] ?? .null })
        }
        try writer.insert([
            try record("instrument", ["name": .string("Cam"), "class_name": .string("x.Y"), "detector_max": .int(9)]),
            try record("detector", ["instrument": .string("Cam"), "id": .int(1), "full_name": .string("D1")]),
            try record("detector", ["instrument": .string("Cam"), "id": .int(2), "full_name": .string("D2")]),
        ])
        for (name, storageClass) in [("facts", "StructuredDataDict"), ("image", "ExposureF"), ("count", "int")] {
            try writer.registerDatasetType(
                try DatasetType(name: name, dimensions: try universe.group(["detector"]), storageClass: storageClass))
        }
    }
    let result = try await body(butler)
    try await butler.close()
    return result
}

@Suite struct ReadingTests {
    static let place: [String: DataIDValue] = ["instrument": "Cam", "detector": 1]

    static func image() throws -> MaskedImage {
        try MaskedImage(
            rows: 2, columns: 3, image: [1, 2, 3, 4, 5, 6], mask: [0, 0, 0, 1, 1, 1],
            variance: Array(repeating: 1, count: 6), origin: PixelOrigin(x: 50, y: 60))
    }

    @Test func datasetsAreReadByTypeNameAndDataID() async throws {
        try await withRepository { butler in
            _ = try await butler.put(.structured(["a": 1, "b": 2]), "facts", dataID: Self.place, run: "r")
            _ = try await butler.put(.image(try Self.image()), "image", dataID: Self.place, run: "r")
            #expect(try await butler.get([String: Int].self, "facts", Self.place) == ["a": 1, "b": 2])
            #expect(try await butler.get([String: Int].self, "facts", instrument: "Cam", detector: 1) == ["a": 1, "b": 2])
            await #expect(throws: ButlerError.self) {
                _ = try await butler.get([String: Int].self, "facts", instrument: "Cam", detector: 2)
            }
            #expect(try await butler.get(MaskedImage.self, "image", Self.place).image == [1, 2, 3, 4, 5, 6])
            let mask = try await butler.get(FITSImage.self, "image.mask", Self.place)
            #expect(mask.pixels == .int32([0, 0, 0, 1, 1, 1]))
            let part = try await butler.get(
                FITSImage.self, "image.image", Self.place,
                parameters: ReadParameters(bbox: PixelBox(x: 51..<53, y: 61..<62)))
            #expect(part.pixels == .float([5, 6]))
            await #expect {
                try await butler.get(FITSImage.self, "image", ["instrument": "Cam", "detector": 2])
            } throws: { ($0 as? ButlerError)?.kind == .datasetNotFound }
        }
    }

    @Test func aDeferredDatasetIsReadWhenItIsAskedFor() async throws {
        try await withRepository { butler in
            let ref = try await butler.put(.image(try Self.image()), "image", dataID: Self.place, run: "r")
            let deferred = try await butler.getDeferred("image", Self.place)
            #expect(deferred.ref == ref)
            #expect(try await deferred.get(MaskedImage.self).variance == [1, 1, 1, 1, 1, 1])
            #expect(try await deferred.get(PixelBox.self, component: "bbox") == PixelBox(x: 50..<53, y: 60..<62))
            let corner = ReadParameters(bbox: PixelBox(x: 0..<1, y: 0..<1), origin: .local)
            let pixel = try await deferred.get(FITSImage.self, component: "image", parameters: corner)
            #expect(pixel.pixels == .float([1]))
            let component = try await butler.getDeferred("image.mask", Self.place, parameters: corner)
            #expect(try await component.get(FITSImage.self).pixels == .int32([0]))
            let unknown = DatasetRef(
                id: DatasetID(high: 1, low: 2), datasetType: ref.datasetType, dataID: ref.dataID, run: ref.run)
            await #expect(throws: DatastoreError.self) { try await butler.getDeferred(unknown) }
        }
    }

    @Test func filesComeToAFolderOfTheUserAndBackAsAnArchive() async throws {
        try await withRepository { butler in
            let refs = [
                try await butler.put(
                    .structured(["a": 1]), "facts", NamedDimensions(instrument: "Cam", detector: 1), run: "r"),
                try await butler.put(
                    .structured(["a": 2]), "facts", NamedDimensions(instrument: "Cam", detector: 2), run: "r"),
            ]
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("artifacts-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            let place = try ResourceURI(localPath: folder.path).asDirectory
            var count = 0
            let would = try await butler.retrieveArtifacts(refs, to: place, isDryRun: true, begin: { count = $0 })
            #expect(count == 2 && !FileManager.default.fileExists(atPath: folder.path + "/r"))
            let files = try await butler.retrieveArtifacts(refs, to: place)
            #expect(files.map(\.location) == would.map(\.location))
            for file in files { #expect(FileManager.default.fileExists(atPath: try #require(file.location.localPath))) }
            await #expect(throws: ObjectStorageError.self) { try await butler.retrieveArtifacts(refs, to: place) }
            let archive = try await butler.retrieveArtifactsZip(refs, to: place)
            try await butler.pruneDatasets(refs, unstore: true, purge: true)
            try await butler.ingestZip(try #require(archive.localPath), transfer: .copy)
            #expect(try await butler.get([String: Int].self, "facts", instrument: "Cam", detector: 2) == ["a": 2])
            let missing = DatasetRef(
                id: DatasetID(high: 1, low: 2), datasetType: refs[0].datasetType, dataID: refs[0].dataID, run: "r")
            await #expect(throws: ButlerError.self) { try await butler.retrieveArtifacts([missing], to: place) }
        }
    }

    @Test func existenceTellsRegistryDatastoreAndFilesApart() async throws {
        try await withRepository { butler in
            let ref = try await butler.put(.structured([:]), "facts", dataID: Self.place, run: "r")
            let other = try await butler.put(
                .structured([:]), "facts", dataID: ["instrument": "Cam", "detector": 2], run: "r")
            #expect(try await butler.exists(ref) == .verified)
            #expect(try await butler.exists(ref, verifies: false) == .unverified)
            #expect(try await butler.exists("facts", Self.place) == .verified)
            #expect(try await butler.exists("nothing", Self.place) == .unrecognized)
            #expect(try await butler.exists("count", Self.place) == .unrecognized)
            #expect(try await butler.exists("facts", ["instrument": "None", "detector": 2]) == .unrecognized)

            let file = try #require(try await butler.location(of: ref).localPath)
            try FileManager.default.removeItem(atPath: file)
            let all = try await butler.exists([ref, other])
            #expect(all[ref.id] == [.recorded, .datastore] && all[other.id] == .verified)
            #expect(all[ref.id]?.isPresent == false)

            let datastore = try butler.datastore()
            try await butler.registry.write { try datastore.forget([other.id], $0.connection) }
            #expect(try await butler.exists(other) == .recorded)
            #expect(try await butler.exists(other, verifies: false) == [.recorded, .assumed])
            let stranger = DatasetRef(
                id: DatasetID(high: 1, low: 2), datasetType: ref.datasetType, dataID: ref.dataID, run: ref.run)
            #expect(try await butler.exists(stranger) == .unrecognized)
            #expect(try await butler.exists(stranger, verifies: false) == .unrecognized)
            let contradiction = DatasetRef(
                id: ref.id, datasetType: ref.datasetType, dataID: other.dataID, run: ref.run)
            await #expect(throws: ButlerError.self) { try await butler.exists(contradiction) }
        }
    }

    @Test func locationsArePredictedWhereNothingIsRecorded() async throws {
        try await withRepository { butler in
            let ref = try await butler.put(.structured([:]), "facts", dataID: Self.place, run: "r")
            let real = try await butler.locations(of: ref)
            #expect(!real.isPredicted && real.whole?.basename == "facts_Cam_D1_r.yaml")
            let datastore = try butler.datastore()
            try await butler.registry.write { try datastore.forget([ref.id], $0.connection) }
            await #expect(throws: DatastoreError.self) { try await butler.locations(of: ref) }
            let predicted = try await butler.locations(of: ref, predicts: true)
            #expect(predicted.isPredicted && predicted.whole == real.whole)
        }
    }

    @Test func aTrustingRepositoryReadsWhatIsNotRecorded() async throws {
        try await withRepository(datastore: "  trust_get_request: true\n") { butler in
            let ref = try await butler.put(.structured(["a": 1]), "facts", dataID: Self.place, run: "r")
            let datastore = try butler.datastore()
            try await butler.registry.write { try datastore.forget([ref.id], $0.connection) }
            #expect(try await butler.get([String: Int].self, "facts", Self.place) == ["a": 1])
            #expect(try await butler.exists(ref) == [.recorded, .artifact])
        }
    }

    @Test func datasetsInMemoryComeAndGoWithTheirTransactions() async throws {
        try await withRepository(datastoreClass: "inMemoryDatastore.InMemoryDatastore") { butler in
            let ref = try await butler.put(.image(try Self.image()), "image", dataID: Self.place, run: "r")
            #expect(try await butler.get(MaskedImage.self, "image", Self.place) == Self.image())
            #expect(try await butler.exists(ref) == .verified)
            #expect(try await butler.location(of: ref).scheme == "mem")
            // The registry refuses a second one, and the first stays.
            await #expect(throws: ButlerError.self) {
                try await butler.put(.image(try Self.image()), "image", dataID: Self.place, run: "r")
            }
            #expect(try await butler.exists(ref) == .verified)
            try await butler.pruneDatasets([ref], unstore: true, purge: true)
            #expect(try await butler.exists(ref) == .unrecognized)
        }
    }

    @Test func provenanceIsWrittenAndLookedUp() async throws {
        try await withRepository { butler in
            let input = try await butler.put(.structured(["a": 1]), "facts", dataID: Self.place, run: "r")
            var provenance = DatasetProvenance(quantum: UUID())
            provenance.add(input)
            let ref = try await butler.put(
                [DirectButler.NewDataset(.image(try Self.image()), "image", Self.place, provenance: provenance)],
                run: "r")[0]
            let header = try await butler.get(FITSHeader.self, "image", Self.place)
            let read = try #require(try await butler.provenance(in: header))
            #expect(read.dataset == ref && read.provenance == provenance)
            var foreign = DatasetProvenance()
            foreign.add(DatasetProvenance.Input(id: DatasetID(high: 5, low: 6)))
            let other = try await butler.put(
                [
                    DirectButler.NewDataset(
                        .image(try Self.image()), "image", ["instrument": "Cam", "detector": 2], provenance: foreign)
                ], run: "r")[0]
            let unknown = try await butler.get(FITSHeader.self, other)
            await #expect(throws: ButlerError.self) { try await butler.provenance(in: unknown) }
        }
    }
}
