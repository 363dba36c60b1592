import ButlerModel
import Datastore
import Foundation
import ObjectStorage
import Registry
import StructuredData
import Testing

@testable import Butler

/// Datasets that come and go with other changes, or not at all.
@Suite struct TransactionTests {
    private struct Failure: Error {}

    private func dataID(_ detector: Int) -> [String: DataIDValue] {
        ["instrument": .string("Cam"), "detector": .int(Int64(detector))]
    }

    private func intents(_ repository: TemporaryRepository) -> [String] {
        (FileManager.default.subpaths(atPath: repository.root + "/.steward") ?? []).filter {
            $0.hasSuffix(".intent") || Int($0.split(separator: "/").last ?? "") != nil
        }
    }

    @Test func datasetsAndTheirFilesComeWithTheTransaction() async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        let source = try repository.source("moved.yaml", "a: 1\n")
        let moved = try await repository.ref(2, run: "run/new")
        let (dataID, root) = (dataID(3), repository.root)
        let new = try await repository.butler.transaction { transaction in
            try transaction.registry.registerCollection("run/new", type: .run)
            let new = try transaction.put(.structured(["b": 2]), "count", dataID: dataID, run: "run/new")
            guard case .structured(let value) = try transaction.read(new) else { throw Failure() }
            #expect(value == ["b": 2])
            try transaction.ingest([FileIngest(location: source, datasets: [moved])], transfer: .move)
            try transaction.registry.associate([new, moved], with: "tag")
            try transaction.pruneDatasets([old], unstore: true, purge: true)
            // Until the end everything can still be taken back.
            #expect(FileManager.default.fileExists(atPath: source.localPath ?? ""))
            #expect(FileManager.default.fileExists(atPath: root + "/run/a/count/count_Cam_D1_run_a.yaml"))
            return new
        }
        #expect(repository.artifacts == ["2", "3"].map { "run/new/count/count_Cam_D\($0)_run_new.yaml" })
        #expect(try await repository.value(new) == ["b": 2])
        #expect(try await repository.value(moved) == ["a": 1])
        #expect(!repository.exists(source))
        #expect(try await !repository.isKnown(old))
        #expect(try await repository.butler.query.datasets("count", in: ["tag"]).all().count == 2)
        #expect(intents(repository).isEmpty)
    }

    @Test func aTransactionThatFailsLeavesNeitherRowsNorFiles() async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        let before = repository.artifacts
        let source = try repository.source("moved.yaml", "a: 1\n")
        let moved = try await repository.ref(2, run: "run/new")
        let dataID = dataID(3)
        await #expect(throws: Failure.self) {
            try await repository.butler.transaction { transaction in
                try transaction.registry.registerCollection("run/new", type: .run)
                _ = try transaction.put(.structured(["b": 2]), "count", dataID: dataID, run: "run/new")
                try transaction.ingest([FileIngest(location: source, datasets: [moved])], transfer: .move)
                try transaction.pruneDatasets([old], unstore: true, purge: true)
                try transaction.removeRuns(["run/b"])
                throw Failure()
            }
        }
        #expect(repository.artifacts == before && repository.exists(source))
        #expect(try await repository.value(old) == ["detector": 1])
        #expect(try await !repository.isKnown(moved))
        let names = try await repository.butler.collections.search().map(\.name)
        #expect(names.contains("run/b") && !names.contains("run/new"))
        #expect(intents(repository).isEmpty)
    }

    /// Where another is pruned, the new file gets another name, and must be known by that.
    @Test(arguments: [ArtifactTransfer.move, .link, .copy], [false, true])
    func aFileInThePlaceOfAPrunedOneGoesWithTheTransaction(_ transfer: ArtifactTransfer, isNested: Bool) async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        let before = repository.artifacts
        let source = try repository.source("moved.yaml", "a: 1\n")
        let new = try await repository.ref(1, run: old.run)
        let change: @Sendable (ButlerTransaction) throws -> Void = { transaction in
            try transaction.pruneDatasets([old], unstore: true, purge: true)
            try transaction.ingest([FileIngest(location: source, datasets: [new])], transfer: transfer)
            throw Failure()
        }
        do {
            try await repository.butler.transaction { transaction in
                if !isNested { return try change(transaction) }
                #expect(throws: Failure.self) { try transaction.nested { try change($0) } }
            }
            #expect(isNested)
        } catch is Failure { #expect(!isNested) }
        #expect(repository.artifacts == before && repository.exists(source))
        #expect(try await repository.value(old) == ["detector": 1])
        #expect(try await !repository.isKnown(new))
        #expect(intents(repository).isEmpty)
    }

    @Test func aRehearsalLeavesNothing() async throws {
        let repository = try await TemporaryRepository.make()
        let dataID = dataID(3)
        let ref = try await repository.butler.transaction(isRehearsal: true) { transaction in
            try transaction.put(.structured(["b": 2]), "count", dataID: dataID, run: "run/a")
        }
        #expect(try await !repository.isKnown(ref))
        #expect(repository.artifacts.isEmpty && intents(repository).isEmpty)
    }

    @Test func aPartThatFailsIsUndoneAlone() async throws {
        let repository = try await TemporaryRepository.make()
        let kept = try await repository.put(1)
        let ids = (2...5).map { dataID($0) }
        let first = dataID(1)
        let (one, two) = try await repository.butler.transaction { transaction in
            let one = try transaction.put(.structured(["n": 2]), "count", dataID: ids[0], run: "run/a")
            // The run has such a dataset.
            #expect(throws: (any Error).self) {
                try transaction.put(.structured(["n": 1]), "count", dataID: first, run: "run/a")
            }
            // Of several, one cannot be.
            #expect(throws: (any Error).self) {
                try transaction.put(
                    [.init(.structured(["n": 3]), "count", ids[1]), .init(.structured([]), "nosuch", ids[1])],
                    run: "run/a")
            }
            #expect(throws: Failure.self) {
                try transaction.nested { inner in
                    _ = try inner.put(.structured(["n": 4]), "count", dataID: ids[2], run: "run/a")
                    try inner.pruneDatasets([kept, one], unstore: true, purge: true)
                    throw Failure()
                }
            }
            let two = try transaction.nested {
                try $0.put(.structured(["n": 5]), "count", dataID: ids[3], run: "run/a")
            }
            return (one, two)
        }
        #expect(try await repository.value(kept) == ["detector": 1])
        #expect(try await repository.value(one) == ["n": 2])
        #expect(try await repository.value(two) == ["n": 5])
        #expect(repository.artifacts == ["1", "2", "5"].map { "run/a/count/count_Cam_D\($0)_run_a.yaml" })
        #expect(intents(repository).isEmpty)
    }

    @Test func whatIsPutAndPrunedInOneTransactionIsGone() async throws {
        let repository = try await TemporaryRepository.make()
        let dataID = dataID(1)
        let ref = try await repository.butler.transaction { transaction in
            let ref = try transaction.put(.structured(["n": 1]), "count", dataID: dataID, run: "run/a")
            try transaction.pruneDatasets([ref], unstore: true, purge: true)
            return ref
        }
        #expect(try await !repository.isKnown(ref))
        #expect(repository.artifacts.isEmpty && intents(repository).isEmpty)
    }

    @Test func whatIsPutInThePlaceOfAPrunedDatasetHasAnotherName() async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        let dataID = dataID(1)
        await #expect(throws: Failure.self) {
            try await repository.butler.transaction { transaction in
                try transaction.pruneDatasets([old], unstore: true, purge: true)
                _ = try transaction.put(.structured(["n": 2]), "count", dataID: dataID, run: "run/a")
                throw Failure()
            }
        }
        #expect(try await repository.value(old) == ["detector": 1])
        let new = try await repository.butler.transaction { transaction in
            try transaction.pruneDatasets([old], unstore: true, purge: true)
            return try transaction.put(.structured(["n": 2]), "count", dataID: dataID, run: "run/a")
        }
        #expect(repository.artifacts == ["run/a/count/count_Cam_D1_run_a_v2.yaml"])
        #expect(try await repository.value(new) == ["n": 2])
        #expect(intents(repository).isEmpty)
    }

    @Test func aFileInTheWayThatNobodyHasIsAnErrorAndStays() async throws {
        let repository = try await TemporaryRepository.make()
        let path = repository.root + "/run/a/count/count_Cam_D1_run_a.yaml"
        try FileManager.default.createDirectory(
            atPath: repository.root + "/run/a/count", withIntermediateDirectories: true)
        try "x: 1\n".write(toFile: path, atomically: false, encoding: .utf8)
        let ids = [dataID(2), dataID(1)]
        let error = await #expect(throws: ObjectStorageError.self) {
            try await repository.butler.transaction { transaction in
                for dataID in ids {
                    _ = try transaction.put(.structured(["n": 2]), "count", dataID: dataID, run: "run/a")
                }
            }
        }
        guard case .alreadyExists = error else { return #expect(Bool(false), "\(error)") }
        #expect(repository.artifacts == ["run/a/count/count_Cam_D1_run_a.yaml"])
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "x: 1\n")
    }
}
