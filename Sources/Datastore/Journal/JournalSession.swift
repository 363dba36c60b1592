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

/// The folder in which one writing process stages files of one datastore and writes down its intents.
///
/// `<root>/.steward/<session>/` holds a locked file `lock`, staged files that are named by numbers, and intents named
/// `<number>.intent`. As long as the lock is held nobody else touches the folder. See docs/writing.md.
final class JournalSession: Sendable {
    static let folderName = ".steward"
    static let lockName = "lock"
    static let intentSuffix = ".intent"

    let root: String
    let name: String
    let directory: String
    private let lock: FileLock
    private let count = Mutex<UInt64>(0)
    private let isEnded = Mutex(false)
    /// Whether the folder is surely on the disk.
    private let isAnchored = Mutex(false)

    private init(root: String, name: String, directory: String, lock: FileLock) {
        self.root = root
        self.name = name
        self.directory = directory
        self.lock = lock
    }

    /// Makes the folder. Blocks.
    ///
    /// - Parameter registry: whose files are written, as ``FileDatastore/nameInJournal()``.
    static func begin(root: String, registry: String = "") throws -> JournalSession {
        let folder = root + "/" + folderName
        let name = UUID().uuidString.lowercased()
        let directory = folder + "/" + name
        for _ in 1...FileLock.maximumAttempts {
            do {
                try JournalFiles.makeFolder(folder)
            } catch ObjectStorageError.notFound { continue }
            JournalFiles.share(folder, like: root)
            // Another session may just have removed the folder as the last to leave.
            guard let door = try FileLock.wait(folder + "/" + lockName) else { continue }
            JournalFiles.share(folder + "/" + lockName, like: root)
            return try withExtendedLifetime(door) {
                do {
                    return try make(root: root, name: name, directory, registry)
                } catch {
                    // The disk may be full. The door is held, so the way of `end` would wait for itself.
                    try? JournalFiles.removeFolder(directory)
                    try? removeIfEmpty(folder)
                    throw error
                }
            }
        }
        throw ObjectStorageError.system(
            path: folder + "/" + lockName, operation: "make", code: ENOENT,
            message: "its folder is not there, or the name leads nowhere")
    }

    /// Makes the folder of a session; the door must be held.
    private static func make(
        root: String, name: String, _ directory: String, _ registry: String
    ) throws -> JournalSession {
        try JournalFiles.makeFolder(directory)
        JournalFiles.share(directory, like: root)
        KillPoint.pass()
        guard let lock = try FileLock.wait(directory + "/" + lockName) else {
            throw ObjectStorageError.notFound(path: directory)
        }
        JournalFiles.share(directory + "/" + lockName, like: root)
        KillPoint.pass()
        try describe(directory, root: root, registry)
        KillPoint.pass()
        return JournalSession(root: root, name: name, directory: directory, lock: lock)
    }

    deinit {
        // What is left is taken away by the next writer.
        try? end()
    }

    private static let descriptionName = "session.json"

    /// Who writes here, for people who find the folder, and for which registry.
    private static func describe(_ directory: String, root: String, _ registry: String) throws {
        let path = directory + "/" + descriptionName
        var writer = JSONWriter()
        writer.value(
            .object([
                "host": .string(ProcessInfo.processInfo.hostName), "process": .int(Int64(getpid())),
                "started": .int(TAINanoseconds.now.rawValue), registryKey: .string(registry),
            ]))
        writer.endLine()
        try LocalFile.create(path, writer.bytes)
        JournalFiles.share(path, like: root)
    }

    static let registryKey = "registry"

    /// Whether what is described as another writer's is of this registry; so is what says nothing of registries.
    static func isOf(_ registry: String, _ description: [UInt8]?) -> Bool {
        guard !registry.isEmpty, let description, let fields = try? StructuredValue(json: description),
            let other = fields[registryKey]?.stringValue, !other.isEmpty
        else { return true }
        return other.hasSameBytes(as: registry)
    }

    /// Whether the writer of a session's folder wrote for this registry. Blocks.
    static func isOf(_ registry: String, _ directory: String) throws -> Bool {
        let description: [UInt8]
        do { description = try LocalFile.read(directory + "/" + descriptionName) } catch ObjectStorageError.notFound {
            // It died before it wrote anything.
            return true
        } catch ObjectStorageError.permissionDenied {
            // Its lock tells whether it can be looked after.
            return true
        }
        return isOf(registry, description)
    }

    /// A path for a file to be staged, relative to the root.
    func newPath() throws -> ObjectPath { try ObjectPath("\(Self.folderName)/\(name)/\(nextNumber())") }

    private func nextNumber() -> UInt64 {
        count.withLock { count in
            count += 1
            return count
        }
    }

    /// Writes an intent down and returns the path of its file. Blocks.
    ///
    /// An intent about many files is flushed to the disk, which costs little beside them, and outlives a power failure. One
    /// about few may be damaged by that (not by a kill), and is set aside then; its files are found by a check.
    func record(_ intent: JournalIntent) throws -> String {
        let path = directory + "/\(nextNumber())" + Self.intentSuffix
        let draft = path + ".draft"
        try LocalFile.create(draft, intent.text)
        JournalFiles.share(draft, like: root)
        KillPoint.pass()
        let isFlushed = intent.count >= Self.flushedCount
        if isFlushed { try JournalFiles.flush([draft], below: directory) }
        guard rename(draft, path) == 0 else { throw JournalFiles.failure(path, "write") }
        if isFlushed {
            try JournalFiles.flushFolder(directory)
            let isFirst = isAnchored.withLock { anchored in
                defer { anchored = true }
                return !anchored
            }
            if isFirst { for folder in [root + "/" + Self.folderName, root] { try JournalFiles.flushFolder(folder) } }
        }
        return path
    }

    /// So many files or datasets make an intent worth flushing.
    static let flushedCount = 32

    /// Removes the folder unless an intent is left in it, which the next writer looks after. Blocks.
    func end() throws {
        let isFirst = isEnded.withLock { ended in
            defer { ended = true }
            return !ended
        }
        guard isFirst else { return }
        let names = try JournalFiles.names(in: directory) ?? []
        guard !names.contains(where: { $0.hasSuffix(Self.intentSuffix) }) else { return }
        let folder = root + "/" + Self.folderName
        guard let door = try FileLock.wait(folder + "/" + Self.lockName) else { return }
        try withExtendedLifetime(door) {
            try JournalFiles.removeFolder(directory)
            KillPoint.pass()
            try Self.removeIfEmpty(folder)
            KillPoint.pass()
        }
    }

    /// Whether a name in `.steward` is that of a session; others are not of the journal, such as files of a run that has
    /// the same name.
    static func isSessionName(_ name: String) -> Bool { UUID(uuidString: name) != nil }

    /// Removes the lock of `.steward` when no session is left, and the folder if it is empty then. Its lock must be held.
    static func removeIfEmpty(_ folder: String) throws {
        guard let names = try JournalFiles.names(in: folder), names.contains(lockName),
            !names.contains(where: isSessionName)
        else { return }
        // Whoever emptied the trash may have died before its folder went.
        _ = rmdir(folder + "/" + KeptTrash.folderName)
        try JournalFiles.remove(folder + "/" + lockName)
        // A session that begins now makes the folder's lock anew, and keeps the folder.
        _ = rmdir(folder)
    }
}
