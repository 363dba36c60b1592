import AstroTime
import Foundation
import ObjectStorage
import StructuredData
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The journal of one writing process at a datastore whose root is on another machine.
///
/// Below the root are the *card* `.steward/<session>.session`, which says who writes, and intents
/// `.steward/<session>-<number>.intent`. There are no locks on such a root: the card names the lock of the folder in
/// which the process stages files on its own machine, and is written anew every two minutes, so that other machines can
/// tell that the process lives. See docs/writing.md.
///
/// All methods block.
final class RemoteSession: Sendable {
    static let cardSuffix = ".session"
    /// Nanoseconds after which a writer of another machine that has not renewed its card is taken for dead.
    static let lease: Int64 = 600 * 1_000_000_000
    private static let beat = Duration.seconds(120)

    let name: String
    private let store: any ObjectStore
    private let card: ObjectPath
    private let registry: String
    private let count = Mutex<UInt64>(0)
    private let inEffect = Mutex<Set<String>>([])
    private let renewal: Task<Void, Never>

    private init(
        _ name: String, _ store: any ObjectStore, _ card: ObjectPath, _ registry: String, renewal: Task<Void, Never>
    ) {
        self.name = name
        self.registry = registry
        self.store = store
        self.card = card
        self.renewal = renewal
    }

    deinit { renewal.cancel() }

    /// - Parameters:
    ///   - scratch: the session of the folder for staged files, whose lock is held as long as the process lives.
    ///   - registry: as ``FileDatastore/nameInJournal()``.
    static func begin(_ store: any ObjectStore, scratch: JournalSession, registry: String = "") throws -> RemoteSession {
        let name = UUID().uuidString.lowercased()
        let card = try ObjectPath("\(JournalSession.folderName)/\(name)\(cardSuffix)")
        let text = Self.text([
            "host": .string(ProcessInfo.processInfo.hostName), "process": .int(Int64(getpid())),
            "started": .int(TAINanoseconds.now.rawValue),
            "lock": .string(scratch.directory + "/" + JournalSession.lockName),
            JournalSession.registryKey: .string(registry),
        ])
        try BlockingCall.wait { try await store.write(card, bytes: text, mode: .overwrite) }
        KillPoint.pass()
        let renewal = Task.detached {
            while true {
                do { try await Task.sleep(for: beat) } catch { return }
                // One that fails is made up for by the next: the lease lasts five of them.
                try? await store.write(card, bytes: text, mode: .overwrite)
            }
        }
        return RemoteSession(name, store, card, registry, renewal: renewal)
    }

    private static func text(_ card: StructuredValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(card)
        writer.endLine()
        return writer.bytes
    }

    static func intentPath(of session: String, _ number: UInt64) throws -> ObjectPath {
        try ObjectPath("\(JournalSession.folderName)/\(session)-\(number)\(JournalSession.intentSuffix)")
    }

    /// Writes an intent down and returns the path of its object.
    func record(_ intent: JournalIntent) throws -> String {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let path = try Self.intentPath(of: name, number)
        // Before: an answer that is lost may be that of a success.
        inEffect.withLock { _ = $0.insert(path.description) }
        let store = store
        try BlockingCall.wait { try await store.write(path, bytes: intent.text, mode: .overwrite) }
        KillPoint.pass()
        return path.description
    }

    /// Forgets an intent.
    func remove(_ path: String) throws {
        let (store, object) = (store, try ObjectPath(path))
        try BlockingCall.wait { try await store.delete(object) }
        inEffect.withLock { _ = $0.remove(path) }
        KillPoint.pass()
    }

    /// When the service wrote the card last, by its own clock: nanoseconds since 1970.
    func serviceTime() throws -> Int64? {
        let (store, card) = (store, card)
        return try BlockingCall.wait { try await store.stat(card)?.modificationTime }
    }

    /// Removes the card; with an intent left it says instead that the next writer may look after that.
    func end() throws {
        renewal.cancel()
        let (store, card, renewal) = (store, card, renewal)
        let last = Self.text(["ended": .bool(true), JournalSession.registryKey: .string(registry)])
        let isClean = inEffect.withLock(\.isEmpty)
        try BlockingCall.wait {
            await renewal.value
            if isClean {
                try await store.delete(card)
            } else {
                try await store.write(card, bytes: last, mode: .overwrite)
            }
        }
        KillPoint.pass()
    }
}

/// A writer that ended without tidying up at a root on another machine. Blocks.
public struct AbandonedRemoteSession: Sendable {
    let name: String
    fileprivate let card: ObjectPath?
    fileprivate let intentPaths: [ObjectPath]
    /// The number of the last intent that is there; 0 without any.
    fileprivate let lastIntent: UInt64
    /// Held for as long as this is looked after.
    fileprivate let lock: FileLock?

    /// - Parameters:
    ///   - own: the session of this process.
    ///   - registry: as ``FileDatastore/nameInJournal()``; those of others are left alone.
    ///   - now: by the clock of the service.
    static func all(
        _ store: any ObjectStore, apartFrom own: String, of registry: String = "", now: Int64
    ) throws -> [AbandonedRemoteSession] {
        var found: [String: (card: ObjectPath?, intents: [(UInt64, ObjectPath)], newest: Int64)] = [:]
        let entries = try BlockingCall.wait {
            var entries: [ObjectEntry] = []
            for try await page in try await store.list(try ObjectPath(JournalSession.folderName)) { entries += page }
            return entries
        }
        for entry in entries {
            let file = entry.path.basename
            let session = String(file.prefix(36))
            guard JournalSession.isSessionName(session), session != own else { continue }
            let rest = file.dropFirst(36)
            var known = found[session] ?? (nil, [], 0)
            if rest == RemoteSession.cardSuffix {
                known.card = entry.path
            } else if rest.hasPrefix("-"), rest.hasSuffix(JournalSession.intentSuffix),
                let number = UInt64(rest.dropFirst().dropLast(JournalSession.intentSuffix.count))
            {
                known.intents.append((number, entry.path))
            } else {
                continue
            }
            known.newest = max(known.newest, entry.status.modificationTime)
            found[session] = known
        }
        var abandoned: [AbandonedRemoteSession] = []
        for (name, session) in found.sorted(by: { $0.key < $1.key }) {
            let isStale = session.newest < now - RemoteSession.lease
            guard let (isOver, lock) = try life(session.card, registry, store) else { continue }
            guard isOver ?? isStale else { continue }
            abandoned.append(
                AbandonedRemoteSession(
                    name: name, card: session.card, intentPaths: session.intents.sorted { $0.0 < $1.0 }.map(\.1),
                    lastIntent: session.intents.map(\.0).max() ?? 0, lock: lock))
        }
        return abandoned
    }

    /// Whether a session is over, if that can be told from here; `nil` for one that has just gone, or is another registry's.
    private static func life(
        _ card: ObjectPath?, _ registry: String, _ store: any ObjectStore
    ) throws -> (isOver: Bool?, lock: FileLock?)? {
        guard let card else { return (nil, nil) }
        let text: [UInt8]
        do {
            text = try BlockingCall.wait { try await store.read(card) }
        } catch ObjectStorageError.notFound { return nil }
        guard JournalSession.isOf(registry, text) else { return nil }
        let fields: StructuredValue
        do {
            fields = try StructuredValue(json: text)
        } catch {
            // A damaged card says nothing, so its age decides.
            return (nil, nil)
        }
        if fields["ended"]?.boolValue == true { return (true, nil) }
        guard fields["host"]?.stringValue == ProcessInfo.processInfo.hostName, let path = fields["lock"]?.stringValue,
            path.hasPrefix("/")
        else { return (nil, nil) }
        switch try FileLock.attempt(path) {
        case .heldByOther: return (false, nil)
        case .noFile: return (nil, nil)
        case .taken(let lock): return (true, lock)
        }
    }

    /// In the order in which they were written.
    func intents(_ store: any ObjectStore) throws -> [JournalIntent] {
        try intentPaths.compactMap { path in
            let text: [UInt8]
            do {
                text = try BlockingCall.wait { try await store.read(path) }
            } catch ObjectStorageError.notFound { return nil }
            return try JournalIntent(text: text, path: path.description)
        }
    }

    /// As ``AbandonedSession/setAsideDamaged()``: below `.steward/damaged`.
    func setAsideDamaged(_ store: any ObjectStore) throws -> [String] {
        try intentPaths.compactMap { path in
            do {
                let text = try BlockingCall.wait { try await store.read(path) }
                _ = try JournalIntent(text: text, path: path.description)
                return nil
            } catch ObjectStorageError.notFound { return nil } catch DatastoreError.malformedJournal(_, let reason) {
                return try Self.setAside(path, reason, store)
            }
        }
    }

    /// Moves an object of the journal that cannot be read.
    static func setAside(_ path: ObjectPath, _ reason: String, _ store: any ObjectStore) throws -> String {
        let place = try ObjectPath("\(JournalSession.folderName)/\(AbandonedSession.damagedName)/\(path.basename)")
        try BlockingCall.wait {
            try await store.write(place, bytes: try await store.read(path), mode: .overwrite)
            try await store.delete(path)
        }
        return "\(reason); it is kept as '\(place)'"
    }

    /// So many intents after the last that is there may have been on their way.
    private static let intentsOnTheWay: UInt64 = 8

    /// Removes unfinished uploads of the session's objects and of its intents, those that never got their names included.
    func discardUnfinished(_ store: any ObjectStore) throws {
        var paths = intentPaths + (card.map { [$0] } ?? [])
        for number in 1...Self.intentsOnTheWay {
            paths.append(try RemoteSession.intentPath(of: name, lastIntent &+ number))
        }
        for intent in try intents(store) {
            guard case .upload(let objects) = intent.content else { continue }
            for object in objects { paths.append(try ObjectPath(object.path)) }
        }
        let all = paths
        try BlockingCall.wait { _ = try await inParallel(all) { try await store.discardUnfinished($0) } }
    }

    /// Removes what the session wrote down; the card last, so that a removal that dies is gone on with.
    func remove(_ store: any ObjectStore) throws {
        let (intents, card) = (intentPaths, card)
        try BlockingCall.wait {
            if let failure = try await store.delete(intents).values.first { throw failure }
            KillPoint.pass()
            if let card { try await store.delete(card) }
        }
    }
}
