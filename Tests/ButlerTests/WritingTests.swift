import ButlerModel
import Datastore
import Foundation
import ObjectStorage
import Registry
import RepositoryConfiguration
import StructuredData
import Testing

@testable import Butler

/// A repository of its own, with one instrument of ten detectors, that goes when the value does.
final class TemporaryRepository: Sendable {
    let directory: String
    let butler: DirectButler

    var root: String { directory + "/repository" }

    private init(directory: String, butler: DirectButler) {
        self.directory = directory
        self.butler = butler
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    static func make() async throws -> TemporaryRepository {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("writing-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let environment = ConfigurationEnvironment(variables: [:])
        try await DirectButler.create(directory + "/repository", options: try creation(), environment: environment)
        let butler = try await DirectButler.open(
            directory + "/repository", writeable: true, environment: environment, onWarning: { _ in })
        try await butler.registry.write { writer in
            let universe = writer.universe
            var records = [
                try DimensionRecord(
                    universe.requireElement("instrument"),
                    ["name": .string("Cam"), "class_name": .string("x.Y"), "detector_max": .int(10)])
            ]
            for detector in 0..<10 {
                records.append(
                    try DimensionRecord(
                        universe.requireElement("detector"),
                        [
                            "instrument": .string("Cam"), "id": .int(Int64(detector)),
                            "full_name": .string("D\(detector)"),
                        ]))
            }
            try writer.insert(records)
            let group = try universe.group(["instrument", "detector"])
            for name in ["count", "other"] {
                try writer.registerDatasetType(
                    try DatasetType(name: name, dimensions: group, storageClass: "StructuredDataDict"))
            }
            try writer.registerCollection("run/a", type: .run)
            try writer.registerCollection("run/b", type: .run)
            try writer.registerCollection("tag", type: .tagged)
            try writer.registerCollection("chain", type: .chained)
            try writer.setChain("chain", children: ["run/a"])
        }
        return TemporaryRepository(directory: directory, butler: butler)
    }

    func put(_ detector: Int, _ type: String = "count", run: String = "run/a") async throws -> DatasetRef {
        try await butler.put(
            .structured(["detector": .int(Int64(detector))]), type,
            dataID: ["instrument": .string("Cam"), "detector": .int(Int64(detector))], run: run)
    }

    func ref(_ detector: Int, _ type: String = "count", run: String = "run/a") async throws -> DatasetRef {
        try await butler.registry.read { snapshot in
            let known = try snapshot.datasetType(type)
            let dataID = try snapshot.standardize(
                ["instrument": .string("Cam"), "detector": .int(Int64(detector))], for: known)
            return DatasetRef(
                id: .unique(unixMilliseconds: UInt64(detector)), datasetType: known, dataID: dataID, run: run)
        }
    }

    func source(_ name: String, _ text: String = "{}\n") throws -> ResourceURI {
        let path = directory + "/" + name
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        return try ResourceURI(localPath: path)
    }

    func exists(_ location: ResourceURI) -> Bool { FileManager.default.fileExists(atPath: location.localPath ?? "") }

    /// Files of datasets, by their paths below the root.
    var artifacts: [String] {
        (FileManager.default.subpaths(atPath: root) ?? []).filter { name in
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: root + "/" + name, isDirectory: &isFolder)
            return !isFolder.boolValue && !name.hasPrefix(".steward/") && !name.hasPrefix("gen3.sqlite3")
                && name != "butler.yaml"
        }.sorted()
    }

    func value(_ ref: DatasetRef) async throws -> StructuredValue? {
        guard case .structured(let value) = try await butler.get(ref) else { return nil }
        return value
    }

    func isStored(_ ref: DatasetRef) async throws -> Bool { try await !butler.stored(ref.id).isEmpty }

    func isKnown(_ ref: DatasetRef) async throws -> Bool {
        try await butler.registry.read { try $0.dataset(ref.id) } != nil
    }
}

@Suite struct WritingTests {
    // MARK: Ingest

    @Test(arguments: ArtifactTransfer.named)
    func filesBecomeDatasetsByEveryTransfer(_ transfer: ArtifactTransfer) async throws {
        let repository = try await TemporaryRepository.make()
        let source = try repository.source("source.yaml", "a: 1\n")
        let ref = try await repository.ref(1)
        try await repository.butler.ingest([FileIngest(location: source, datasets: [ref])], transfer: transfer)
        #expect(try await repository.value(ref) == ["a": 1])
        #expect(repository.exists(source) == (transfer != .move))
        #expect(repository.artifacts.count == (transfer == .direct ? 0 : 1))
        let info = try #require(try await repository.butler.stored(ref.id).first?.infos.first)
        #expect(info.fileSize == 5)
        #expect(info.path.hasPrefix("file://") == (transfer == .direct))
    }

    @Test func severalDatasetsShareAFileUntilTheLastGoes() async throws {
        let repository = try await TemporaryRepository.make()
        let refs = [try await repository.ref(1), try await repository.ref(2), try await repository.ref(3)]
        try await repository.butler.ingest(
            [FileIngest(location: try repository.source("s.yaml"), datasets: refs)], transfer: .copy)
        #expect(repository.artifacts.count == 1)
        let planned = try await repository.butler.pruneDatasets(
            [refs[0]], unstore: true, disassociate: false, isDryRun: true)
        #expect(planned.files == 0 && planned.shared == repository.artifacts)
        let first = try await repository.butler.pruneDatasets(
            Array(refs[..<2]), unstore: true, purge: true)
        #expect(first.files == 0 && repository.artifacts.count == 1)
        #expect(try await repository.value(refs[2]) == [:])
        let last = try await repository.butler.pruneDatasets([refs[2]], unstore: true, purge: true)
        #expect(last.files == 1 && repository.artifacts.isEmpty)
    }

    @Test func anIngestIsAllOrNothing() async throws {
        let repository = try await TemporaryRepository.make()
        let good = try repository.source("good.yaml")
        let missing = try ResourceURI(localPath: repository.directory + "/missing.yaml")
        let refs = [try await repository.ref(1), try await repository.ref(2)]
        let files = [FileIngest(location: good, datasets: [refs[0]]), FileIngest(location: missing, datasets: [refs[1]])]
        for transfer in [ArtifactTransfer.copy, .move, .direct] {
            await #expect(throws: ObjectStorageError.self) { try await repository.butler.ingest(files, transfer: transfer) }
        }
        #expect(repository.exists(good) && repository.artifacts.isEmpty)
        #expect(try await !repository.isKnown(refs[0]))
        // A run that has such a dataset already.
        let held = try await repository.put(1)
        await #expect(throws: (any Error).self) {
            try await repository.butler.ingest([FileIngest(location: good, datasets: [refs[0]])], transfer: .move)
        }
        #expect(repository.exists(good) && repository.artifacts.count == 1)
        #expect(try await repository.value(held) == ["detector": 1])
    }

    @Test func nothingIsIngestedTwice() async throws {
        let repository = try await TemporaryRepository.make()
        let source = try repository.source("s.yaml")
        let ref = try await repository.ref(1)
        await #expect(throws: ButlerError.self) {
            try await repository.butler.ingest([FileIngest(location: source, datasets: [ref, ref])])
        }
        try await repository.butler.ingest([FileIngest(location: source, datasets: [ref])], transfer: .direct)
        await #expect {
            try await repository.butler.ingest([FileIngest(location: source, datasets: [ref])], transfer: .copy)
        } throws: { ($0 as? ButlerError)?.kind == .conflictingDefinition }
    }

    @Test func filesBelowTheRootStayInPlace() async throws {
        let repository = try await TemporaryRepository.make()
        try FileManager.default.createDirectory(
            atPath: repository.root + "/mine", withIntermediateDirectories: true)
        let source = try repository.source("repository/mine/x.yaml", "a: 2\n")
        let inside = try await repository.ref(1)
        let outside = try await repository.ref(2)
        try await repository.butler.ingest([FileIngest(location: source, datasets: [inside])])
        #expect(try await repository.butler.stored(inside.id)[0].infos[0].path == "mine/x.yaml")
        try await repository.butler.ingest([
            FileIngest(location: try repository.source("y.yaml"), datasets: [outside]),
            FileIngest(
                location: try repository.source("repository/mine/z.yaml"), datasets: [try await repository.ref(3)]),
        ])
        #expect(try await repository.butler.stored(outside.id)[0].infos[0].path.hasPrefix("file://"))
        await #expect(throws: DatastoreError.self) {
            try await repository.butler.ingest(
                [FileIngest(location: try repository.source("o.yaml"), datasets: [try await repository.ref(4)])],
                transfer: .inPlace)
        }
    }

    // MARK: Overwriting

    @Test func aFileInTheWayIsNotOverwritten() async throws {
        let repository = try await TemporaryRepository.make()
        let ref = try await repository.put(1)
        try await repository.butler.forget([ref])
        let path = repository.root + "/" + repository.artifacts[0]
        try "mine".write(toFile: path, atomically: false, encoding: .utf8)
        try await repository.butler.pruneDatasets([ref], unstore: true, purge: true)
        await #expect(throws: ObjectStorageError.self) { try await repository.put(1) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
        #expect(repository.artifacts.count == 1)
    }

    // MARK: Deletion

    @Test func pruningTakesFilesTagsOrAll() async throws {
        let repository = try await TemporaryRepository.make()
        var refs: [DatasetRef] = []
        for detector in 0..<4 { refs.append(try await repository.put(detector)) }
        let all = refs
        try await repository.butler.registry.write { try $0.associate(all, with: "tag") }
        await #expect(throws: ButlerError.self) { try await repository.butler.pruneDatasets(all, purge: true) }
        await #expect(throws: ButlerError.self) { try await repository.butler.pruneDatasets(all) }
        try await repository.butler.pruneDatasets([refs[0]], disassociate: true, tags: ["tag"])
        #expect(try await repository.butler.query.datasets("count", in: ["tag"]).all().count == 3)
        try await repository.butler.pruneDatasets([refs[1]], unstore: true, disassociate: false)
        #expect(try await repository.isKnown(refs[1]))
        #expect(try await !repository.isStored(refs[1]))
        try await repository.butler.pruneDatasets([refs[2]], unstore: true, purge: true)
        #expect(try await !repository.isKnown(refs[2]))
        #expect(repository.artifacts.count == 2)
    }

    @Test func theTrashIsEmptiedLaterWhenAskedFor() async throws {
        let repository = try await TemporaryRepository.make()
        let ref = try await repository.put(1)
        try await repository.butler.pruneDatasets([ref], unstore: true, purge: true, keepsFiles: true)
        #expect(repository.artifacts.count == 1)
        #expect(try await repository.butler.emptyTrash(isDryRun: true).datasets == 1)
        let emptied = try await repository.butler.emptyTrash()
        #expect(emptied.datasets == 1 && emptied.files == 1)
        #expect(repository.artifacts.isEmpty)
    }

    /// Many go without the trash, few through it.
    @Test(arguments: [2, 40])
    func aFileThatCannotBeDeletedKeepsItsRecords(count: Int) async throws {
        let repository = try await TemporaryRepository.make()
        var refs: [DatasetRef] = []
        for number in 0..<count {
            let run = number % 4 < 2 ? "run/a" : "run/b"
            refs.append(try await repository.put(number / 4, number % 2 == 0 ? "count" : "other", run: run))
        }
        let before = try await repository.butler.stored(refs[1].id).flatMap(\.infos)
        let file = repository.root + "/" + (try #require(before.first?.path))
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createDirectory(atPath: file + "/x", withIntermediateDirectories: true)
        let deletion = try await repository.butler.pruneDatasets(refs, unstore: true, purge: true)
        #expect(deletion.files == count - 1 && deletion.failures.count == 1)
        #expect(try await !repository.isKnown(refs[1]))
        let datastore = try #require(try repository.butler.datastore().files.first)
        let ids = refs.map(\.id)
        let left = try await repository.butler.registry.read { try datastore.records(of: ids, $0.connection) }
        #expect(left == [refs[1].id: before])
        try FileManager.default.removeItem(atPath: file)
        try Data().write(to: URL(fileURLWithPath: file))
        let emptied = try await repository.butler.emptyTrash()
        #expect(emptied.datasets == 1 && emptied.files == 1 && emptied.failures.isEmpty)
        #expect(repository.artifacts.isEmpty)
    }

    @Test func aFileOfDatasetsInSeveralPiecesGoesWithTheLast() async throws {
        let repository = try await TemporaryRepository.make()
        let refs = [try await repository.ref(1), try await repository.ref(2)]
        try await repository.butler.ingest(
            [FileIngest(location: try repository.source("s.yaml"), datasets: refs)], transfer: .copy)
        try await repository.butler.pruneDatasets(refs, unstore: true, purge: true, keepsFiles: true)
        let datastore = try repository.butler.datastore()
        let deletion = try StagedDeletion(in: datastore)
        for ref in refs { try deletion.declare([ref.id], in: datastore.files[0]) }
        #expect(deletion.groups.map(\.count) == [2])
        let (emptied, count) = try await repository.butler.registry.write {
            try deletion.empty(deletion.pieces, $0.connection)
        }
        #expect(count == 2)
        #expect(emptied.datasets == 2 && emptied.files == 1 && emptied.shared == 1)
        for piece in deletion.pieces { try deletion.finish(piece) }
        #expect(repository.artifacts.isEmpty)
    }

    @Test func runsGoAsAWholeOrNotAtAll() async throws {
        let repository = try await TemporaryRepository.make()
        let refs = [try await repository.put(1), try await repository.put(1, run: "run/b")]
        await #expect {
            try await repository.butler.removeRuns(["run/b", "run/a"])
        } throws: { ($0 as? ButlerError)?.kind == .orphanedRecord }
        for ref in refs {
            #expect(try await repository.isKnown(ref))
            #expect(try await repository.isStored(ref))
        }
        let removed = try await repository.butler.removeRuns(["run/b", "run/a"], unlinkFromChains: true)
        #expect(removed.datasets == 2 && removed.files == 2 && repository.artifacts.isEmpty)
        await #expect(throws: ButlerError.self) { try await repository.butler.removeRuns(["tag"]) }
        await #expect(throws: ButlerError.self) { try await repository.butler.removeRuns(["run/a"]) }
    }

    // MARK: Transfer

    @Test func datasetsOfAnotherRepositoryKeepIdentityAndPath() async throws {
        let source = try await TemporaryRepository.make()
        let target = try await TemporaryRepository.make()
        let refs = [try await source.put(1), try await source.put(2)]
        // What no datastore has is left out; a file that should be there is missed.
        let forgotten = try await source.put(3)
        let path = source.root + "/" + (try await source.butler.stored(forgotten.id)[0].infos[0].path)
        try await source.butler.forget([forgotten])
        try FileManager.default.removeItem(atPath: path)
        let lost = try await source.put(4)
        try FileManager.default.removeItem(
            atPath: source.root + "/" + (try await source.butler.stored(lost.id)[0].infos[0].path))
        for isDryRun in [true, false] {
            let error = await #expect(throws: DatastoreError.self) {
                try await target.butler.transferFrom(source.butler, refs + [lost], isDryRun: isDryRun)
            }
            #expect(error?.description.contains("files of 1 dataset do not exist: count@") == true)
        }
        let dry = try await target.butler.transferFrom(source.butler, refs + [forgotten], isDryRun: true)
        #expect(dry.count == 2 && target.artifacts.isEmpty)
        let moved = try await target.butler.transferFrom(source.butler, refs + [forgotten], transfer: .copy)
        #expect(Set(moved.map(\.id)) == Set(refs.map(\.id)))
        #expect(target.artifacts == source.artifacts)
        #expect(try await target.value(refs[0]) == ["detector": 1])
        // Again, and nothing happens.
        #expect(try await target.butler.transferFrom(source.butler, refs, transfer: .copy).count == 2)
        #expect(target.artifacts.count == 2)
        await #expect(throws: ButlerError.self) {
            try await target.butler.transferFrom(source.butler, refs, transfer: .direct)
        }
    }

    @Test func aConflictInTheTargetLeavesItAsItWas() async throws {
        let source = try await TemporaryRepository.make()
        let target = try await TemporaryRepository.make()
        let refs = [try await source.put(1), try await source.put(2)]
        let own = try await target.put(2)
        for isDryRun in [true, false] {
            await #expect(throws: (any Error).self) {
                try await target.butler.transferFrom(source.butler, refs, transfer: .move, isDryRun: isDryRun)
            }
        }
        #expect(target.artifacts.count == 1 && source.artifacts.count == 2)
        #expect(try await target.value(own) == ["detector": 2])
        #expect(try await !target.isKnown(refs[0]))
    }

    // MARK: The journal

    @Test func aRepositoryAtRestShowsNoTrace() async throws {
        let repository = try await TemporaryRepository.make()
        _ = try await repository.put(1)
        #expect(FileManager.default.fileExists(atPath: repository.root + "/.steward"))
        try await repository.butler.close()
        #expect(!FileManager.default.fileExists(atPath: repository.root + "/.steward"))
    }
}
