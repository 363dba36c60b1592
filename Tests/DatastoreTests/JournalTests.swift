import ButlerModel
import Foundation
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
        ] {
            #expect(try JournalIntent(text: intent.text, path: "p") == intent)
        }
    }

    @Test(arguments: ["", "{}", "{\"version\":2,\"kind\":\"write\"}", "{\"version\":1,\"kind\":\"write\"}\n{\"path\":\"a\"}"])
    func intentsThatMakeNoSenseAreRefused(_ text: String) {
        #expect(throws: DatastoreError.self) { try JournalIntent(text: Array(text.utf8), path: "p") }
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
}
