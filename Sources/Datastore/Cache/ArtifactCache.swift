import ByteText
import ButlerModel
import Foundation
import ObjectStorage
import RepositoryConfiguration
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Local copies of remote files: the `cached` section of a file datastore.
///
/// Files are called `<uuid>[_<component>]<extension>`, as Python calls them, so both can share a directory. The directory
/// itself is the only state: many processes may use it at once without locks. A copy appears with its whole content in
/// one step, and one that is removed while it is read stays readable. Copies under way are in the folder `exempt`.
///
/// All methods block. Source: repository format reference, section 1.6.
public final class ArtifactCache: Sendable {
    public let configuration: CacheConfiguration
    /// Made when it is first needed; `nil` until then.
    private let directory: Mutex<Directory?>

    private struct Directory {
        let path: String
        /// Whether it belongs to this process and goes with it.
        let isTemporary: Bool
    }

    /// A copy that is there.
    struct Entry {
        let name: String
        let id: DatasetID
        let size: Int64
        /// Nanoseconds since 1970 of the last use: a read counts.
        let used: Int64
    }

    private static let exempt = "exempt"
    /// After so many seconds a copy under way belongs to a process that has ended.
    private static let patience: Int64 = 86_400

    /// Makes the configured directory. Without one, a temporary directory is made when it is first needed and removed
    /// together with this value.
    ///
    /// - Parameter configuration: with completed dimension groups.
    /// - Throws: `ObjectStorageError` when the directory cannot be made.
    public init(_ configuration: CacheConfiguration) throws {
        self.configuration = configuration
        guard let path = configuration.directory?.localPath else {
            directory = Mutex(nil)
            return
        }
        let made = Directory(path: path.withoutFinalSlash, isTemporary: false)
        try Self.makeFolders(made.path)
        directory = Mutex(made)
    }

    deinit {
        guard let directory = directory.withLock({ $0 }), directory.isTemporary else { return }
        try? FileManager.default.removeItem(atPath: directory.path)
    }

    /// Whether a copy of this dataset is kept.
    public func caches(_ subject: LookupSubject) -> Bool { configuration.caches(subject) }

    // MARK: Copies

    /// The content of a copy; `nil` when there is none. The copy counts as used.
    public func read(_ id: DatasetID, component: String?, pathExtension: String) throws -> [UInt8]? {
        guard let folder = directory.withLock({ $0?.path }) else { return nil }
        let path = "\(folder)/\(Self.name(id, component, pathExtension))"
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let bytes: [UInt8]
        do {
            bytes = try LocalFile.read(path)
        } catch let error {
            // Another process may have removed it just now.
            if case .notFound = error { return nil }
            throw error
        }
        // Changes nothing but the time of the last change, by which copies expire.
        chmod(path, status.st_mode & 0o7777)
        return bytes
    }

    /// Keeps a copy, after old ones have expired. One that is there already is replaced.
    ///
    /// - Throws: `ObjectStorageError` for a full or unwritable disk; nothing stays behind then.
    public func insert(_ bytes: [UInt8], _ id: DatasetID, component: String?, pathExtension: String) throws {
        let folder = try madeDirectory()
        try expire()
        let name = Self.name(id, component, pathExtension)
        let staging = "\(folder)/\(Self.exempt)"
        try Self.makeFolders(staging)
        let mark = String(UInt32.random(in: .min ... .max), radix: 16)
        let temporary = "\(staging)/\(mark)-\(name)"
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: temporary))
        } catch {
            unlink(temporary)
            throw ObjectStorageError.system(
                path: temporary, operation: "write", code: 0, message: error.localizedDescription)
        }
        guard rename(temporary, "\(folder)/\(name)") == 0 else {
            let code = errno
            unlink(temporary)
            throw ObjectStorageError.system(
                path: "\(folder)/\(name)", operation: "write", code: code, message: String(cString: strerror(code)))
        }
    }

    /// Removes the copies of datasets. Those that are not there are no error. Cost: one look at the directory.
    public func remove(_ ids: [DatasetID]) throws {
        let wanted = Set(ids)
        try remove(try entries().filter { wanted.contains($0.id) })
    }

    /// Removes what is over the threshold, longest unused first. Files of other names are left alone.
    public func expire() throws {
        let now = Self.now()
        try removeAbandoned(now)
        let entries = try entries().sorted { ($0.used, $0.name) < ($1.used, $1.name) }
        switch configuration.expiry {
        case .never: return
        case .files(let threshold): try remove(entries.prefix(max(0, entries.count - threshold)))
        case .datasets(let threshold):
            var order: [DatasetID] = []
            for entry in entries where !order.contains(entry.id) { order.append(entry.id) }
            let over = Set(order.prefix(max(0, order.count - threshold)))
            try remove(entries.filter { over.contains($0.id) })
        case .size(let threshold):
            var total = entries.reduce(0) { $0 + $1.size }
            try remove(
                entries.prefix { entry in
                    guard total > threshold else { return false }
                    total -= entry.size
                    return true
                })
        case .age(let threshold):
            try remove(entries.filter { now - $0.used > Int64(threshold) * 1_000_000_000 })
        }
    }

    // MARK: The directory

    static func name(_ id: DatasetID, _ component: String?, _ pathExtension: String) -> String {
        id.description + (component.map { "_" + $0 } ?? "") + pathExtension
    }

    /// The copies that are there.
    func entries() throws -> [Entry] {
        guard let folder = directory.withLock({ $0?.path }) else { return [] }
        return try Self.names(in: folder).compactMap { name in
            guard let id = DatasetID(name.prefix { $0 != "_" && $0 != "." }) else { return nil }
            // Another process may have removed it meanwhile.
            var status = stat()
            guard stat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            return Entry(name: name, id: id, size: Int64(status.st_size), used: Self.changed(status))
        }
    }

    private func remove(_ entries: some Sequence<Entry>) throws {
        guard let folder = directory.withLock({ $0?.path }) else { return }
        for entry in entries { try Self.unlinkFile("\(folder)/\(entry.name)") }
    }

    private func removeAbandoned(_ now: Int64) throws {
        guard let folder = directory.withLock({ $0.map { "\($0.path)/\(Self.exempt)" } }) else { return }
        for name in try Self.names(in: folder) {
            var status = stat()
            guard stat("\(folder)/\(name)", &status) == 0, now - Self.changed(status) > Self.patience * 1_000_000_000
            else { continue }
            try Self.unlinkFile("\(folder)/\(name)")
        }
    }

    private func madeDirectory() throws -> String {
        try directory.withLock { held in
            if let held { return held.path }
            let path = NSTemporaryDirectory() + "butler-cache-dir-" + UUID().uuidString.lowercased()
            try Self.makeFolders(path)
            held = Directory(path: path, isTemporary: true)
            return path
        }
    }

    private static func makeFolders(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ObjectStorageError.system(
                path: path, operation: "make the cache directory", code: 0, message: error.localizedDescription)
        }
    }

    private static func names(in folder: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder)
    }

    private static func unlinkFile(_ path: String) throws {
        guard unlink(path) != 0, errno != ENOENT else { return }
        let code = errno
        throw ObjectStorageError.system(
            path: path, operation: "remove", code: code, message: String(cString: strerror(code)))
    }

    private static func changed(_ status: stat) -> Int64 {
        #if canImport(Glibc)
            Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        #else
            Int64(status.st_ctimespec.tv_sec) * 1_000_000_000 + Int64(status.st_ctimespec.tv_nsec)
        #endif
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
