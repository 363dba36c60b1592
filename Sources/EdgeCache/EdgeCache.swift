import ByteText
import Crypto
import Foundation
public import ObjectStorage
import Synchronization

/// What a cache keeps, and for how long.
public struct EdgeCacheSettings: Sendable {
    /// Of this machine; made if it is missing. For the copies, or if they are kept in a nearby store for those on
    /// their way there.
    public var folder: String
    /// Bytes; the copies that were not used for longest go first.
    public var maximumSize: Int64
    /// Copies that were not used for so long go.
    public var maximumAge: Duration
    /// For how long the distant store is not asked again whether an object is still the same.
    public var validity: Duration

    public init(
        folder: String, maximumSize: Int64 = 100 << 30, maximumAge: Duration = .seconds(30 * 86_400),
        validity: Duration = .seconds(10)
    ) {
        self.folder = folder
        self.maximumSize = maximumSize
        self.maximumAge = maximumAge
        self.validity = validity
    }
}

/// Near copies of the objects of a distant store, for reading.
///
/// A copy belongs to one version of an object: its file is named by a digest of path, size and tag, so the folder is
/// all that there is to remember. Requests for an object that is on its way share one fetch. Copies are checked as the
/// distant store's objects are when they are read.
public final class EdgeCache: Sendable {
    /// A version of an object that can be read.
    public struct Object: Sendable {
        public let status: ObjectStatus
        /// The name of this version.
        public let tag: String
        /// The bytes of a range inside the object.
        public let bytes: @Sendable (Range<Int64>) async throws -> [UInt8]
    }

    /// What the cache has done since its start.
    public struct Statistics: Sendable, Hashable {
        public var hits = 0
        public var misses = 0
        /// Requests that joined a fetch which was under way.
        public var joined = 0
        public var fetchedBytes: Int64 = 0
        /// Those of them that went past the copies: ranges far behind a fetch, and what could not be kept.
        public var passedBytes: Int64 = 0
        public var evicted = 0
        /// Bytes of all copies, when they were last looked through.
        public var keptBytes: Int64 = 0
        public var failures = 0
    }

    private struct State {
        var fetches: [String: CacheFetch] = [:]
        var known: [ObjectPath: (status: ObjectStatus, until: ContinuousClock.Instant)] = [:]
        var statistics = Statistics()
        /// Bytes since the copies were looked through last, and when that was.
        var untidied: Int64 = 0
        var tidied = ContinuousClock.now
    }

    private static let partialSuffix = ".partial"
    /// Seconds after which a fetch that does not grow belongs to a process that has ended.
    private static let abandoned: TimeInterval = 3600
    /// Ranges that begin so far behind what has come are read from the distant store.
    private static let patience: Int64 = 16 << 20

    private let store: any ObjectStore
    private let settings: EdgeCacheSettings
    private let place: any CopyPlace
    private let tell: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - near: where copies are kept; `nil` for the folder.
    ///   - tell: is told why a copy is not kept.
    /// - Throws: `ObjectStorageError.permissionDenied` for a folder that cannot be made.
    public init(
        _ store: any ObjectStore, _ settings: EdgeCacheSettings, near: (any ObjectStore)? = nil,
        tell: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ObjectStorageError) {
        self.store = store
        self.tell = tell
        self.settings = settings
        let files = FileManager.default
        do { try files.createDirectory(atPath: settings.folder, withIntermediateDirectories: true) } catch {
            throw .permissionDenied(path: settings.folder, operation: "make")
        }
        // What a process that died had begun.
        for name in (try? files.contentsOfDirectory(atPath: settings.folder)) ?? []
        where name.hasSuffix(Self.partialSuffix) {
            let path = settings.folder + "/" + name
            let changed = (try? files.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            if let changed, changed.timeIntervalSinceNow < -Self.abandoned { unlink(path) }
        }
        if let near { place = StoreCopies(near) } else { place = try FolderCopies(folder: settings.folder) }
    }

    public var statistics: Statistics { state.withLock { $0.statistics } }

    /// Opens an object; `nil` when the distant store has none.
    public func open(_ path: ObjectPath) async throws -> Object? {
        guard let status = try await status(path) else { return nil }
        let tag = Self.tag(path, status)
        let isOnItsWay = state.withLock { $0.fetches[tag] != nil }
        if !isOnItsWay, try await place.holds(tag, status) {
            state.withLock { $0.statistics.hits += 1 }
            return Object(status: status, tag: tag) { [self] in try await copied($0, tag, path, status) }
        }
        let begun = BegunFetch()
        return Object(status: status, tag: tag) { [self] range in
            guard let fetch = try await fetch(path, status, tag, begun) else {
                return try await copied(range, tag, path, status)
            }
            if await fetch.distance(to: range.lowerBound) > Self.patience {
                return try await distant(range, path, status)
            }
            do { try await fetch.wait(for: range.upperBound) } catch {
                // The disk may be full, or the object replaced: the reader is served all the same, if that is possible.
                return try await distant(range, path, status)
            }
            do { return try await read(range, fetch.partial) } catch ObjectStorageError.notFound {
                // It is kept by now.
                return try await copied(range, tag, path, status)
            }
        }
    }

    /// The fetch that a reader's bytes come from. Who asks for no bytes, only whether there is an object, begins none.
    private final class BegunFetch: Sendable {
        let fetch = Mutex<CacheFetch?>(nil)
    }

    /// `nil` if the copy has been kept since the object was opened.
    private func fetch(
        _ path: ObjectPath, _ status: ObjectStatus, _ tag: String, _ begun: BegunFetch
    ) async throws -> CacheFetch? {
        if let known = begun.fetch.withLock({ $0 }) { return known }
        let isOnItsWay = state.withLock { $0.fetches[tag] != nil }
        if !isOnItsWay, try await place.holds(tag, status) { return nil }
        return begun.fetch.withLock { begun in
            let fetch = begun ?? self.fetch(path, status, tag)
            begun = fetch
            return fetch
        }
    }

    private func status(_ path: ObjectPath) async throws -> ObjectStatus? {
        let now = ContinuousClock.now
        if let known = state.withLock({ $0.known[path] }), known.until > now { return known.status }
        guard let status = try await store.stat(path) else {
            state.withLock { _ = $0.known.removeValue(forKey: path) }
            return nil
        }
        state.withLock { state in
            if state.known.count > 100_000 { state.known = state.known.filter { $0.value.until > now } }
            state.known[path] = (status, now + settings.validity)
        }
        return status
    }

    private static func tag(_ path: ObjectPath, _ status: ObjectStatus) -> String {
        let text = "\(path.description)\n\(status.size)\n\(status.etag)"
        return Hexadecimal.encode(SHA256.hash(data: Array(text.utf8)).prefix(20))
    }

    /// The fetch of a version that is not here; the first who asks begins it.
    private func fetch(_ path: ObjectPath, _ status: ObjectStatus, _ tag: String) -> CacheFetch {
        let (fetch, isNew) = state.withLock { state -> (CacheFetch, Bool) in
            if let known = state.fetches[tag] {
                state.statistics.joined += 1
                return (known, false)
            }
            state.statistics.misses += 1
            // Other processes may be at the same.
            let word = String(UInt64.random(in: .min ... .max), radix: 36)
            let new = CacheFetch(
                partial: "\(settings.folder)/\(tag)-\(word)\(Self.partialSuffix)", size: status.size)
            state.fetches[tag] = new
            return (new, true)
        }
        guard isNew else { return fetch }
        Task {
            let (read, failure) = await fetch.run(store, path, status, place, as: tag)
            if let failure { tell("no copy of '\(path)' is kept: \(failure)") }
            let isUntidy = state.withLock { state in
                state.fetches[tag] = nil
                state.statistics.fetchedBytes += read
                guard failure == nil else {
                    state.statistics.failures += 1
                    // It may have been replaced.
                    state.known[path] = nil
                    return false
                }
                state.untidied += status.size
                return state.untidied > settings.maximumSize / 100
                    || ContinuousClock.now - state.tidied > .seconds(60)
            }
            if isUntidy { await tidyIgnoringErrors() }
        }
        return fetch
    }

    // MARK: Bytes

    private func read(_ range: Range<Int64>, _ file: String) async throws -> [UInt8] {
        let store = try POSIXObjectStore(root: ResourceURI(localPath: settings.folder))
        let bytes = try await store.read(ObjectPath(String(file.dropFirst(settings.folder.count + 1))), range: range)
        guard bytes.count == range.count else { throw ObjectStorageError.changedWhileReading(path: file) }
        return bytes
    }

    private func copied(
        _ range: Range<Int64>, _ name: String, _ path: ObjectPath, _ status: ObjectStatus
    ) async throws -> [UInt8] {
        do {
            let bytes = try await place.read(name, range)
            if bytes.count == range.count { return bytes }
        } catch let error as ObjectStorageError {
            // It was removed while it was read, or the nearby store is away. The distant one has it, too.
            if case .notFound = error {} else if !error.isTransient { throw error }
        }
        return try await distant(range, path, status)
    }

    private func distant(_ range: Range<Int64>, _ path: ObjectPath, _ status: ObjectStatus) async throws -> [UInt8] {
        guard try await store.stat(path)?.etag == status.etag else {
            state.withLock { $0.known[path] = nil }
            throw ObjectStorageError.changedWhileReading(path: path.description)
        }
        let bytes = try await store.read(path, range: range)
        state.withLock { state in
            state.statistics.fetchedBytes += Int64(bytes.count)
            state.statistics.passedBytes += Int64(bytes.count)
        }
        guard bytes.count == range.count else {
            throw ObjectStorageError.changedWhileReading(path: path.description)
        }
        return bytes
    }

    // MARK: Limits

    /// Removes copies that have not been used for too long, and those used least recently while all are too large.
    public func tidy() async throws {
        state.withLock { state in
            state.untidied = 0
            state.tidied = ContinuousClock.now
        }
        let copies = try await place.all().sorted { $0.used < $1.used }
        var total = copies.reduce(0) { $0 + $1.size }
        let (seconds, attoseconds) = settings.maximumAge.components
        let oldest = Date().timeIntervalSince1970 - Double(seconds) - Double(attoseconds) / 1e18
        for (index, copy) in copies.enumerated() {
            // The newest stays, however large it is: somebody asked for it just now.
            let isTooMuch = total > settings.maximumSize && index < copies.count - 1
            guard isTooMuch || Double(copy.used) / 1e9 < oldest else { continue }
            try await place.remove(copy.name)
            total -= copy.size
            state.withLock { $0.statistics.evicted += 1 }
        }
        state.withLock { $0.statistics.keptBytes = total }
    }

    /// Copies that cannot be removed now are looked at again with the next fetch.
    func tidyIgnoringErrors() async {
        do { try await tidy() } catch { state.withLock { $0.statistics.failures += 1 } }
    }
}
