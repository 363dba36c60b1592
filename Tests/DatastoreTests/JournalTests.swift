import ButlerModel
import Foundation
import ObjectStorage
import Testing

@testable import Datastore

@Suite struct JournalTests {
    @Test func intentsAreReadAsTheyWereWritten() throws {
        let identity = FileIdentity(inode: .max, size: 3, modified: -7)
        let files = [
            JournalIntent.NewFile(path: "a/b\n\"c\" é.yaml", identity: identity),
            JournalIntent.NewFile(path: "d", identity: identity, source: .init(path: "/x y", identity: identity)),
        ]
        for intent in [
            JournalIntent(.write(files)), JournalIntent(.delete([DatasetID(high: 1, low: 2)])), JournalIntent(.write([])),
            JournalIntent(.delete([DatasetID(high: 1, low: 2)]), forgets: true), JournalIntent(.write(files), forgets: true),
            JournalIntent(.keep(KeptTrash.newName())),
        ] {
            #expect(try JournalIntent(text: intent.text, path: "p") == intent)
        }
    }

    @Test(arguments: ["", "{}", "{\"version\":2,\"kind\":\"write\"}", "{\"version\":1,\"kind\":\"write\"}\n{\"path\":\"a\"}"])
    func intentsThatMakeNoSenseAreRefused(_ text: String) {
        #expect(throws: DatastoreError.self) { try JournalIntent(text: Array(text.utf8), path: "p") }
    }

    @Test func anIntentThatWasCutIsRefused() throws {
        let ids = (1...3).map { DatasetID(high: 1, low: $0) }
        let text = JournalIntent(.delete(ids)).text
        for length in 0..<text.count - 1 {
            #expect(throws: DatastoreError.self) { try JournalIntent(text: Array(text[..<length]), path: "p") }
        }
        #expect(throws: DatastoreError.self) { try JournalIntent(text: text.map { _ in 0 }, path: "p") }
    }

    @Test func damagedIntentsAreSetAsideAndTheOthersStay() throws {
        let directory = try TemporaryDirectory()
        var session: JournalSession? = try JournalSession.begin(root: directory.path)
        let good = JournalIntent(.delete([DatasetID(high: 1, low: 2)]))
        for text in ["", "\0\0\0"] {
            let path = try #require(try session?.record(good))
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }
        _ = try session?.record(good)
        session = nil
        let abandoned = try #require(try AbandonedSession.all(root: directory.path).first)
        #expect(throws: DatastoreError.self) { try abandoned.intents() }
        #expect(try abandoned.setAsideDamaged().count == 2)
        #expect(try abandoned.intents().map(\.intent) == [good])
        try abandoned.remove()
        #expect(directory.files().count == 2)
        #expect(directory.files().allSatisfy { $0.contains(".steward/damaged/") })
        // They are no reason for others to look again, nor in their way.
        #expect(try AbandonedSession.all(root: directory.path).isEmpty)
        try JournalSession.begin(root: directory.path).end()
        #expect(directory.files().count == 2)
    }

    @Test func aLockThatCannotBeMadeIsAnErrorAndNoEndlessWait() throws {
        let directory = try TemporaryDirectory()
        let folder = directory.path + "/.steward"
        try FileManager.default.createSymbolicLink(atPath: folder, withDestinationPath: "nowhere")
        #expect(throws: ObjectStorageError.self) { try JournalSession.begin(root: directory.path) }
        try FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: folder + "/lock", withDestinationPath: "nowhere/lock")
        #expect(throws: ObjectStorageError.self) { try JournalSession.begin(root: directory.path) }
    }

    @Test func whatWaitsInTheTrashIsSharedAsTheRootIs() throws {
        let directory = try TemporaryDirectory()
        let files = FileManager.default
        try files.setAttributes([.posixPermissions: 0o2777], ofItemAtPath: directory.path)
        try KeptTrash(root: directory.path).add([DatasetID(high: 1, low: 2)])
        for name in [".steward", ".steward/trash"] {
            let mode = try files.attributesOfItem(atPath: directory.path + "/" + name)[.posixPermissions] as? Int
            #expect(mode.map { $0 & 0o777 } == 0o777)
        }
        let trash = KeptTrash(root: directory.path)
        try trash.remove(try #require(try trash.pieces().first))
    }

    @Test func aSessionIsAbandonedOnceItsLockIsFree() throws {
        let directory = try TemporaryDirectory()
        var session: JournalSession? = try JournalSession.begin(root: directory.path)
        let other = try JournalSession.begin(root: directory.path)
        #expect(try AbandonedSession.all(root: directory.path).isEmpty)
        let intent = JournalIntent(.delete([DatasetID(high: 1, low: 2)]))
        _ = try session?.record(intent)
        session = nil
        let abandoned = try AbandonedSession.all(root: directory.path)
        #expect(abandoned.count == 1)
        #expect(try abandoned.first?.intents().map(\.intent) == [intent])
        // It is locked by the one who looks after it.
        #expect(try AbandonedSession.all(root: directory.path).isEmpty)
        try abandoned.first?.remove()
        #expect(directory.files().contains { $0.contains(other.name) })
        try other.end()
        #expect(directory.files().isEmpty)
    }

    @Test func onlyTheFileThatWasStagedIsTakenForIt() throws {
        let directory = try TemporaryDirectory()
        try directory.write("one", to: "a")
        let (a, b) = (directory.path + "/a", directory.path + "/b")
        let staged = try #require(FileIdentity(of: a))
        let isKept = try JournalFiles.place(a, at: b)
        #expect(FileIdentity(of: b) == staged)
        #expect(LocalFile.exists(a) == isKept)
        try directory.write("two", to: "c0")
        #expect(throws: (any Error).self) { try JournalFiles.place(directory.path + "/c0", at: b) }
        #expect(FileIdentity(of: b) == staged)
        try JournalFiles.remove(a)
        try directory.write("two", to: "a")
        #expect(FileIdentity(of: a) != FileIdentity(of: b))
        #expect(FileIdentity(of: directory.path + "/c") == nil)
    }

    @Test(arguments: [ArtifactTransfer.hardlink, .symlink, .relsymlink, .move])
    func whatAnotherClientHasRecordedUnderTheNameIsNotTakenForItsOwn(_ transfer: ArtifactTransfer) async throws {
        let repository = try await TestRepository()
        let outside = try TemporaryDirectory()
        let source = outside.path + "/a.yaml"
        try Data("a: 1".utf8).write(to: URL(fileURLWithPath: source))
        try await repository.database.write { connection in
            try connection.execute(
                """
                CREATE TABLE dataset_location_trash (dataset_id CHAR(32) NOT NULL, datastore_name TEXT NOT NULL,
                PRIMARY KEY (dataset_id, datastore_name))
                """)
        }
        let location = try ResourceURI(localPath: source)
        func stage(_ transfer: ArtifactTransfer, _ id: DatasetID) async throws -> StagedArtifacts {
            let ref = try TestData.ref("count", ["instrument"], ["instrument": "Cam"], id: id)
            let artifacts = try await repository.datastore.stage(
                [.init(location: location, refs: [ref], formatter: FormatterName.yaml)], transfer: transfer,
                recordsAttributes: true, jobs: 1)
            try artifacts.declare()
            return artifacts
        }
        let own = try await stage(transfer, DatasetID(high: 1, low: 1))
        let others = try await stage(transfer == .move ? .hardlink : transfer, DatasetID(high: 2, low: 2))
        try await repository.database.write { connection in
            try connection.execute("INSERT INTO dataset (id) VALUES (\(value: .uuid(DatasetID(high: 2, low: 2).uuid)))")
            try others.insertRecords(connection)
            try others.publish()
        }
        let isRecorded = try await repository.database.write { try own.undo($0) }
        #expect(!isRecorded)
        try others.finish()
        #expect(FileManager.default.fileExists(atPath: source))
        #expect(repository.artifacts.count == 1)
        #expect(try await repository.stored(DatasetID(high: 2, low: 2)).count == 1)
    }
}
