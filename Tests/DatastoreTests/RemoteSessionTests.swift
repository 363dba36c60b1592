import Foundation
import ObjectStorage
import Testing

@testable import Datastore

/// The journal at roots on other machines. That operations can be killed is shown in `Interop/test_remote_writing.py`.
@Suite struct RemoteSessionTests {
    private static let minute: Int64 = 60 * 1_000_000_000

    /// Runs `body` where it may block, with a store and a session of the folder for staged files.
    private func with(
        _ body: @escaping @Sendable (MemoryObjectStore, JournalSession) throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let store = try MemoryObjectStore(root: ResourceURI("mem://journal-\(UUID().uuidString)/"))
        try await StagedArtifacts.pool.run {
            let scratch = try JournalSession.begin(root: directory.path)
            try body(store, scratch)
            try scratch.end()
        }
    }

    private func abandoned(
        _ store: MemoryObjectStore, minutes: Int64 = 0, apartFrom own: String = ""
    ) throws -> [AbandonedRemoteSession] {
        let now = Int64(Date().timeIntervalSince1970 * 1e9) + minutes * Self.minute
        return try AbandonedRemoteSession.all(store, apartFrom: own, now: now)
    }

    private func write(_ store: MemoryObjectStore, _ path: String, _ text: String) throws {
        let path = try ObjectPath(path)
        try BlockingCall.wait { try await store.write(path, bytes: Array(text.utf8), mode: .overwrite) }
    }

    private func names(_ store: MemoryObjectStore) throws -> [String] {
        try BlockingCall.wait {
            var names: [String] = []
            for try await page in try await store.list(nil) { names += page.map(\.path.basename) }
            return names.sorted()
        }
    }

    @Test func aProcessThatHoldsItsLockIsAtWork() async throws {
        try await with { store, scratch in
            let session = try RemoteSession.begin(store, scratch: scratch)
            let intent = JournalIntent(
                .upload([.init(path: "a/b", digest: ContentDigest(size: 3, md5: "900150983cd24fb0d6963f7d28e17f72"))]))
            let path = try session.record(intent)
            #expect(try abandoned(store, minutes: 60).isEmpty)
            try session.remove(path)
            try session.end()
            #expect(try names(store).isEmpty)
        }
    }

    @Test func aSessionThatEndsWithAnIntentLeavesItToTheNextWriter() async throws {
        try await with { store, scratch in
            let session = try RemoteSession.begin(store, scratch: scratch)
            let intent = JournalIntent(
                .upload([
                    .init(
                        path: "é/b c", digest: ContentDigest(size: 3, md5: "900150983cd24fb0d6963f7d28e17f72"),
                        source: .init(
                            path: "s3://b/k", identity: FileIdentity(inode: 0, size: 3, modified: 1_700_000_000)))
                ]))
            _ = try session.record(intent)
            try session.end()
            let found = try abandoned(store)
            #expect(try found.map { try $0.intents(store) } == [[intent]])
            for session in found { try session.remove(store) }
            #expect(try names(store).isEmpty)
        }
    }

    @Test func aProcessOfAnotherMachineIsOverWhenItsCardIsOld() async throws {
        try await with { store, _ in
            let name = UUID().uuidString.lowercased()
            try write(store, ".steward/\(name).session", "{\"host\": \"elsewhere\", \"lock\": \"/tmp/x\"}")
            try write(store, ".steward/\(name)-2.intent", String(decoding: JournalIntent(.delete([])).text, as: UTF8.self))
            #expect(try abandoned(store, minutes: 9).isEmpty)
            #expect(try abandoned(store, minutes: 11).map(\.name) == [name])
            #expect(try abandoned(store, minutes: 11, apartFrom: name).isEmpty)
            // A recovery that died had removed the card.
            let card = try ObjectPath(".steward/\(name).session")
            try BlockingCall.wait { try await store.delete(card) }
            #expect(try abandoned(store, minutes: 9).isEmpty)
            #expect(try abandoned(store, minutes: 11).map(\.name) == [name])
        }
    }

    @Test func otherObjectsAreNotOfTheJournal() async throws {
        try await with { store, _ in
            for name in ["trash-1-x.intent", "x.session", "\(UUID().uuidString)x", "\(UUID().uuidString)-x.intent"] {
                try write(store, ".steward/\(name)", "")
            }
            #expect(try abandoned(store, minutes: 60).isEmpty)
            let name = UUID().uuidString.lowercased()
            try write(store, ".steward/\(name).session", "{")
            // A card that says nothing is as old as it is.
            #expect(try abandoned(store, minutes: 9).isEmpty)
            #expect(try abandoned(store, minutes: 11).map(\.name) == [name])
        }
    }
}
