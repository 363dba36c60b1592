import ButlerModel
import DatabaseSupport
import Datastore
import Foundation
import ObjectStorage
import Registry
import StructuredData
import Testing

@testable import Butler

/// Files that wait in the trash while datasets come in, and files that the repository needs where they are.
@Suite struct WaitingFilesTests {
    private struct Failure: Error {}

    private static let path = "run/a/count/count_Cam_D1_run_a.yaml"
    private static let second = "run/a/count/count_Cam_D1_run_a_v2.yaml"

    private func dataID(_ detector: Int) -> [String: DataIDValue] {
        ["instrument": .string("Cam"), "detector": .int(Int64(detector))]
    }

    @Test(arguments: [ArtifactTransfer.copy, .move])
    func aDatasetInTheTrashIsTransferredAnew(_ transfer: ArtifactTransfer) async throws {
        let (source, target) = (try await TemporaryRepository.make(), try await TemporaryRepository.make())
        let ref = try await source.put(1)
        try await target.butler.transferFrom(source.butler, [ref], transfer: .copy)
        try await target.butler.pruneDatasets([ref], unstore: true, purge: true, keepsFiles: true)
        #expect(try await target.butler.transferFrom(source.butler, [ref], transfer: transfer, isDryRun: true).count == 1)
        #expect(target.artifacts == [Self.path])
        try await target.butler.transferFrom(source.butler, [ref], transfer: transfer)
        #expect(target.artifacts == [Self.second])
        #expect(source.artifacts.isEmpty == (transfer == .move))
        #expect(try await target.butler.emptyTrash(olderThan: .zero, isDryRun: true).datasets == 0)
        #expect(try await target.butler.emptyTrash().files == 0)
        #expect(try await target.value(ref) == ["detector": 1])
        // What is held is left alone.
        try await target.butler.transferFrom(source.butler, [ref], transfer: .copy)
        #expect(target.artifacts == [Self.second])
    }

    @Test func theSameDatasetIsPutAgainAndNotWhenTheTransactionFails() async throws {
        let repository = try await TemporaryRepository.make()
        let ref = try await repository.put(1)
        try await repository.butler.pruneDatasets([ref], unstore: true, disassociate: false, keepsFiles: true)
        await #expect(throws: Failure.self) {
            try await repository.butler.transaction { transaction in
                try transaction.put(.structured(["n": 2]), ref)
                throw Failure()
            }
        }
        #expect(repository.artifacts == [Self.path])
        _ = try await repository.butler.transaction { transaction in
            #expect(throws: Failure.self) {
                try transaction.nested { inner in
                    try inner.put(.structured(["n": 2]), ref)
                    throw Failure()
                }
            }
        }
        #expect(repository.artifacts == [Self.path])
        #expect(try await repository.butler.emptyTrash(isDryRun: true).datasets == 1)
        try await repository.butler.put(.structured(["n": 3]), ref)
        #expect(repository.artifacts == [Self.second])
        #expect(try await repository.butler.emptyTrash().datasets == 0)
        #expect(try await repository.value(ref) == ["n": 3])
    }

    @Test func anIngestThatIsRefusedLeavesWhatWaits() async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        try await repository.butler.pruneDatasets([old], unstore: true, disassociate: false, keepsFiles: true)
        let files = [
            FileIngest(location: try repository.source("new.yaml", "a: 1\n"), datasets: [try await repository.ref(1)])
        ]
        for isDryRun in [true, false] {
            await #expect(throws: ButlerError.self) {
                try await repository.butler.ingest(files, transfer: .copy, isDryRun: isDryRun)
            }
        }
        #expect(repository.artifacts == [Self.path])
        #expect(try await repository.butler.emptyTrash(isDryRun: true).datasets == 1)
    }

    @Test func whatFailsInThePlaceOfAFileThatIsGoneFromTheTrashIsUndone() async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        try await repository.butler.pruneDatasets([old], unstore: true, purge: true, keepsFiles: true)
        // As a client leaves it that dies while it empties the trash.
        try FileManager.default.removeItem(atPath: repository.root + "/" + Self.path)
        let (source, last) = (try repository.source("new.yaml"), try repository.source("last.yaml"))
        let files = [
            FileIngest(location: source, datasets: [try await repository.ref(1)]),
            FileIngest(location: last, datasets: [try await repository.ref(2)]),
        ]
        let taken = repository.root + "/run/a/count/count_Cam_D2_run_a.yaml"
        await #expect(throws: ObjectStorageError.self) {
            try await repository.butler.ingest(files, transfer: .move, jobs: 1) { _ in
                try? "{}".write(toFile: taken, atomically: false, encoding: .utf8)
            }
        }
        #expect(repository.exists(source) && repository.exists(last))
        #expect(repository.artifacts == ["run/a/count/count_Cam_D2_run_a.yaml"])
    }

    @Test func aNewFileComesBesideOneThatWaits() async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        try await repository.butler.pruneDatasets([old], unstore: true, purge: true, keepsFiles: true)
        let ref = try await repository.ref(1)
        let files = [FileIngest(location: try repository.source("new.yaml", "a: 1\n"), datasets: [ref])]
        for isDryRun in [true, false] {
            try await repository.butler.ingest(files, transfer: .copy, isDryRun: isDryRun)
        }
        #expect(repository.artifacts == [Self.path, Self.second])
        #expect(try await repository.butler.emptyTrash().files == 1)
        #expect(repository.artifacts == [Self.second])
        #expect(try await repository.value(ref) == ["a": 1])
    }

    @Test(arguments: [ArtifactTransfer.copy, .link, .move])
    func aFileThatWaitsCanBeBroughtBackThroughAnotherPath(_ transfer: ArtifactTransfer) async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        try await repository.butler.pruneDatasets([old], unstore: true, purge: true, keepsFiles: true)
        let link = repository.directory + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: repository.root)
        let source = try ResourceURI(localPath: link + "/" + Self.path)
        let ref = try await repository.ref(1)
        for refused in [ArtifactTransfer.symlink, .relsymlink, .direct] {
            let error = await #expect(throws: DatastoreError.self) {
                try await repository.butler.ingest([FileIngest(location: source, datasets: [ref])], transfer: refused)
            }
            #expect(error?.description.contains("waits in the trash") == true)
        }
        try await repository.butler.ingest([FileIngest(location: source, datasets: [ref])], transfer: transfer)
        try await repository.butler.emptyTrash()
        #expect(repository.artifacts == [Self.second])
        #expect(try await repository.value(ref) == ["detector": 1])
    }

    @Test func datasetsOfOneFileInTheTrashComeAnewInSeveralBatches() async throws {
        let (source, target) = (try await TemporaryRepository.make(), try await TemporaryRepository.make())
        let refs = [try await source.ref(1), try await source.ref(2)]
        try await source.butler.ingest(
            [FileIngest(location: try source.source("both.yaml", "a: 1\n"), datasets: refs)], transfer: .copy)
        try await target.butler.transferFrom(source.butler, refs, transfer: .copy)
        try await target.butler.pruneDatasets(refs, unstore: true, purge: true, keepsFiles: true)
        try await target.butler.transferFrom(source.butler, transfer: .copy) { page in
            for ref in refs { _ = try await page([ref]) }
        }
        #expect(target.artifacts == [Self.second])
        try await target.butler.emptyTrash()
        for ref in refs { #expect(try await target.value(ref) == ["a": 1]) }
    }

    @Test func purgedDatasetsThatTheRegistryKnowsAgainAreStoredAgain() async throws {
        let repository = try await TemporaryRepository.make()
        let refs = [try await repository.put(1), try await repository.put(2)]
        try await repository.butler.pruneDatasets([refs[0]], unstore: true, purge: true, keepsFiles: true)
        try await repository.butler.pruneDatasets([refs[1]], unstore: true, disassociate: false, keepsFiles: true)
        // As Python's `transfer_from` does.
        _ = try await repository.butler.registry.write { try $0.importDatasets([refs[0]]) }
        #expect(try await repository.butler.emptyTrash().files == 1)
        #expect(repository.artifacts == [Self.path])
        #expect(try await repository.value(refs[0]) == ["detector": 1])
        try await repository.butler.pruneDatasets([refs[0]], unstore: true, purge: true)
        #expect(repository.artifacts.isEmpty)
    }

    // MARK: Files that are needed where they are

    @Test func aMoveTakesNothingThatTheRepositoryNeeds() async throws {
        let repository = try await TemporaryRepository.make()
        let old = try await repository.put(1)
        let elsewhere = try repository.source("direct.yaml", "a: 1\n")
        try await repository.butler.ingest(
            [FileIngest(location: elsewhere, datasets: [try await repository.ref(2)])], transfer: .direct)
        let new = try await repository.ref(3)
        let link = repository.directory + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: repository.root)
        let database = TestDatabase.isPostgreSQL ? [] : [link + "/gen3.sqlite3"]
        let needed = [
            repository.root + "/" + Self.path, link + "/" + Self.path, repository.directory + "/direct.yaml",
            repository.root + "/butler.yaml",
        ]
        for path in needed + database {
            let location = try ResourceURI(localPath: path)
            for isDryRun in [true, false] {
                let error = await #expect(throws: DatastoreError.self) {
                    try await repository.butler.ingest(
                        [FileIngest(location: location, datasets: [new], formatter: "x.Y")], transfer: .move,
                        isDryRun: isDryRun)
                }
                #expect(error?.description.contains("a move would take away") == true, "\(path)")
            }
            #expect(repository.exists(location))
        }
        #expect(try await repository.value(old) == ["detector": 1])
        try await repository.butler.ingest(
            [FileIngest(location: try ResourceURI(localPath: repository.root + "/" + Self.path), datasets: [new])],
            transfer: .copy)
        #expect(try await repository.value(new) == ["detector": 1])
    }

    @Test func whatATransferCountsOnIsLookedAtAgain() async throws {
        let (source, target) = (try await TemporaryRepository.make(), try await TemporaryRepository.make())
        let (held, new) = (try await source.put(1), try await source.put(2))
        let shared = [try await source.ref(3), try await source.ref(4)]
        try await source.butler.ingest(
            [FileIngest(location: try source.source("both.yaml", "a: 1\n"), datasets: shared)], transfer: .copy)
        for (first, all) in [([held], [held, new]), ([shared[0]], [shared[1]])] {
            try await target.butler.transferFrom(source.butler, first, transfer: .copy)
            let error = await #expect(throws: (any Error).self) {
                try await target.butler.transferFrom(source.butler, transfer: .copy) { page in
                    _ = try await page(all)
                    try await target.butler.pruneDatasets(first, unstore: true, purge: true)
                }
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains("was removed from the repository by another client"))
            #expect(target.artifacts.isEmpty)
            for ref in all { #expect(try await !target.isKnown(ref)) }
            #expect(try await target.butler.transferFrom(source.butler, all, transfer: .copy).count == all.count)
            try await target.butler.pruneDatasets(all, unstore: true, purge: true)
        }
    }
}
