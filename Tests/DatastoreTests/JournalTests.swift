import ButlerModel
import Foundation
import ObjectStorage
import Synchronization
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
            JournalIntent(.write(files), folders: ["a", "a/Grüße b"]),
            JournalIntent(.keep(KeptTrash.newName())),
        ] {
            #expect(try JournalIntent(text: intent.text, path: "p") == intent)
        }
    }

    @Test(arguments: ["", "{}", "{\"version\":2,\"kind\":\"write\"}", "{\"version\":1,\"kind\":\"write\"}\n{\"path\":\"a\"}",
        "{\"version\":1,\"kind\":\"write\",\"folders\":[\"../a\"]}"])
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
        let files = try await LinkedFiles()
        let own = try await files.stage(transfer, 1, at: ["a"])
        let others = try await files.stage(transfer == .move ? .hardlink : transfer, 2, at: ["a"])
        try await files.record(others)
        let isRecorded = try await files.repository.database.write { try own.undo($0) }
        #expect(!isRecorded)
        try others.finish()
        #expect(FileManager.default.fileExists(atPath: files.source("a")))
        #expect(files.repository.artifacts.count == 1)
        #expect(try await files.repository.stored(DatasetID(high: 2, low: 2)).count == 1)
    }

    /// It may be about to record it.
    @Test(arguments: [ArtifactTransfer.hardlink, .link, .move], [false, true])
    func whatAnotherClientHasLinkedUnderTheNameStays(_ transfer: ArtifactTransfer, isSpooled: Bool) async throws {
        let files = try await LinkedFiles()
        let own = try await files.stage(transfer, 1, at: ["a", "b", "c"])
        let spool = BatchSpool(in: files.repository.datastore)
        try spool.add([], own)
        if isSpooled {
            // The first is written to the file when the second comes, and read from there.
            try spool.add([], StagedArtifacts(files: []))
        }
        try await files.link("b")
        let taken = try files.target("b")
        #expect(throws: ObjectStorageError.alreadyExists(path: taken)) { try spool.publish(0, try spool.batch(0)) }
        #expect(files.repository.artifacts.count == 2)
        // Another batch is read meanwhile.
        if isSpooled { _ = try spool.batch(1) }
        _ = try await files.repository.database.write { try spool.batch(0).artifacts.undo($0) }
        try spool.remove()
        #expect(files.repository.artifacts.count == 1)
        #expect(FileManager.default.fileExists(atPath: taken))
        for name in ["a", "b", "c"] { #expect(FileManager.default.fileExists(atPath: files.source(name))) }
    }

    @Test func filesOfABatchThatWasReadAgainAreUndone() async throws {
        let files = try await LinkedFiles()
        let spool = BatchSpool(in: files.repository.datastore)
        try spool.add([], try await files.stage(.hardlink, 1, at: ["a", "b"]))
        try spool.add([], try await files.stage(.hardlink, 2, at: ["c"]))
        try spool.each { number, batch in try spool.publish(number, batch) }
        #expect(files.repository.artifacts.count == 3)
        try await files.repository.database.write { connection in
            for number in 0..<2 { _ = try spool.batch(number).artifacts.undo(connection) }
        }
        try spool.remove()
        #expect(files.repository.artifacts.isEmpty)
    }

    /// With as many bytes as before, which the look at the stored object would not tell.
    @Test func aSourceThatIsRewrittenBeforeItIsUploadedIsRefused() async throws {
        let repository = try await TestRepository("datastore: {root: 'http://127.0.0.1:9/root/', checksum: true}")
        let outside = try TemporaryDirectory()
        try outside.write("a: 1", to: "a.yaml")
        let source = outside.path + "/a.yaml"
        let own = try await repository.datastore.stage(
            [
                .init(
                    location: try ResourceURI(localPath: source),
                    refs: [try TestData.ref("count", ["instrument"], ["instrument": "Cam"])], formatter: FormatterName.yaml)
            ], transfer: .copy, recordsAttributes: true, jobs: 1)
        try Data("a: 2".utf8).write(to: URL(fileURLWithPath: source))
        #expect(throws: ObjectStorageError.changedWhileReading(path: source)) { try own.declare() }
        try await own.discard()
    }

    @Test func aNameThatWasGivenIsTakenBackThoughTheFileWasTouched() async throws {
        let files = try await LinkedFiles()
        let own = try await files.stage(.hardlink, 1, at: ["a"])
        try own.publish()
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: files.source("a"))
        _ = try await files.repository.database.write { try own.undo($0) }
        #expect(files.repository.artifacts.isEmpty)
        #expect(FileManager.default.fileExists(atPath: files.source("a")))
    }

    @Test func aLinkThatGotAnotherInodeIsOneStill() throws {
        let directory = try TemporaryDirectory()
        for name in ["a", "b"] { try directory.write("one", to: name) }
        let (a, b) = (directory.path + "/a", directory.path + "/b")
        try LocalFile.hardLink(a, at: a + "2")
        let (linked, other) = (try #require(FileIdentity(of: a)), try #require(FileIdentity(of: b)))
        // As an overlay shows it: the file had another inode before it got a link.
        let before = FileIdentity(inode: .max, size: linked.size, modified: linked.modified)
        #expect(linked.isLink(to: a, seenAs: before) && linked.isLink(to: a, seenAs: linked))
        #expect(!linked.isLink(to: b, seenAs: before) && !other.isLink(to: a, seenAs: before))
        let longer = FileIdentity(inode: .max, size: linked.size + 1, modified: linked.modified)
        #expect(!linked.isLink(to: a, seenAs: longer))
    }

    @Test(arguments: [ArtifactTransfer.copy, .hardlink, .symlink])
    func aFolderThatAnotherRemovesAsAnEmptyOneIsMadeAgain(_ transfer: ArtifactTransfer) async throws {
        let files = try await LinkedFiles()
        let own = try await files.stage(transfer, 1, at: ["a", "b"])
        let folder = JournalFiles.folder(of: try files.target("a"))
        let count = Mutex(0)
        try own.publish(flushing: nil) { made in
            guard made == folder else { return }
            count.withLock { count in
                count += 1
                if count == 1 { rmdir(folder) }
            }
        }
        #expect(files.repository.artifacts.count == 2 && count.withLock { $0 } == 2)
    }

    @Test func recoveryRemovesTheFoldersThatWereMadeAndAreEmpty() async throws {
        let files = try await LinkedFiles()
        let (a, b) = (try files.target("a"), try files.target("b"))
        let folder = JournalFiles.folder(of: a)
        let own = try await files.stage(.copy, 1, at: ["a", "b"])
        // The kill comes between the folder and the second file.
        try own.publish()
        try JournalFiles.remove(b)
        let datastore = try #require(files.repository.datastore.files.first)
        let root = try datastore.rootPath()
        let intents = try own.declared.map { try $0.datastore.intent(at: $0.path) }
        #expect(!intents.isEmpty && intents.allSatisfy { $0.folders.contains("u") && !$0.folders.contains("") })
        try FileManager.default.createDirectory(atPath: root + "/u/others", withIntermediateDirectories: true)
        var session: JournalSession? = try JournalSession.begin(root: root)
        for intent in intents { _ = try session?.record(intent) }
        session = nil
        let abandoned = try #require(try AbandonedSession.all(root: root).first)
        _ = try await files.repository.database.write { try datastore.recover(abandoned, $0) }
        #expect(!FileManager.default.fileExists(atPath: folder))
        #expect(FileManager.default.fileExists(atPath: root + "/u/others"))
        // In a folder that was there before, nothing is removed.
        let later = try await files.stage(.copy, 2, at: ["a"])
        #expect(try later.declared.allSatisfy { try !$0.datastore.intent(at: $0.path).folders.contains("u") })
    }

    @Test(arguments: [ArtifactTransfer.hardlink, .link, .move])
    func aSourceThatIsRewrittenBeforeItsFileHasItsNameIsRefused(_ transfer: ArtifactTransfer) async throws {
        let files = try await LinkedFiles()
        let own = try await files.stage(transfer, 1, at: ["a"])
        try Data("longer: true".utf8).write(to: URL(fileURLWithPath: files.source("a")))
        #expect(throws: ObjectStorageError.changedWhileReading(path: files.source("a"))) { try own.publish() }
        _ = try await files.repository.database.write { try own.undo($0) }
        #expect(files.repository.artifacts.isEmpty)
        #expect(try String(contentsOfFile: files.source("a"), encoding: .utf8) == "longer: true")
    }
}

/// A repository, and files outside of it that operations link to.
private struct LinkedFiles {
    let repository: TestRepository
    let outside: TemporaryDirectory

    init() async throws {
        repository = try await TestRepository()
        outside = try TemporaryDirectory()
    }

    func source(_ name: String) -> String { outside.path + "/\(name).yaml" }

    private func ref(_ name: String, _ id: UInt64 = 0) throws -> DatasetRef {
        try TestData.ref("count", ["instrument"], ["instrument": .string(name)], id: DatasetID(high: id, low: id))
    }

    /// The path that the file of a dataset gets.
    func target(_ name: String) throws -> String {
        let ref = try ref(name)
        let datastore = try #require(repository.datastore.files.first)
        return try datastore.localPath(
            try ArtifactLocation.path(try datastore.template(for: ref).path(for: ref), extension: ".yaml"))
    }

    /// Declared files of so many datasets, whose identifiers begin with `client`.
    func stage(_ transfer: ArtifactTransfer, _ client: UInt64, at names: [String]) async throws -> StagedArtifacts {
        var incoming: [FileDatastore.IncomingFile] = []
        for (number, name) in names.enumerated() {
            if !FileManager.default.fileExists(atPath: source(name)) {
                try Data("a: 1".utf8).write(to: URL(fileURLWithPath: source(name)))
            }
            incoming.append(
                .init(
                    location: try ResourceURI(localPath: source(name)),
                    refs: [try ref(name, client + UInt64(number) * 10)], formatter: FormatterName.yaml))
        }
        let artifacts = try await repository.datastore.stage(
            incoming, transfer: transfer, recordsAttributes: true, jobs: 1)
        try artifacts.declare()
        return artifacts
    }

    func record(_ artifacts: StagedArtifacts) async throws {
        try await repository.database.write { connection in
            for file in artifacts.files {
                for row in file.rows {
                    try connection.execute("INSERT INTO dataset (id) VALUES (\(value: .uuid(row.id.uuid)))")
                }
            }
            try artifacts.insertRecords(connection)
            try artifacts.publish()
        }
    }

    /// What another client does that links to the same file.
    func link(_ name: String) async throws {
        let target = try target(name)
        try FileManager.default.createDirectory(
            atPath: JournalFiles.folder(of: target), withIntermediateDirectories: true)
        try FileManager.default.linkItem(atPath: source(name), toPath: target)
    }
}
