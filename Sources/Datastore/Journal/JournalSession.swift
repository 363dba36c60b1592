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
    private let lock: FileLock
    private let count = Mutex<UInt64>(0)
    private let isEnded = Mutex(false)

    var directory: String { root + "/" + Self.folderName + "/" + name }

    private init(root: String, name: String, lock: FileLock) {
        self.root = root
        self.name = name
        self.lock = lock
    }

    /// Makes the folder. Blocks.
    static func begin(root: String) throws -> JournalSession {
        let folder = root + "/" + folderName
        let name = UUID().uuidString.lowercased()
        let directory = folder + "/" + name
        while true {
            try JournalFiles.makeFolder(folder)
            JournalFiles.share(folder, like: root)
            // Another session may just have removed the folder as the last to leave.
            guard let door = try FileLock.wait(folder + "/" + lockName) else { continue }
            JournalFiles.share(folder + "/" + lockName, like: root)
            return try withExtendedLifetime(door) {
                try JournalFiles.makeFolder(directory)
                JournalFiles.share(directory, like: root)
                KillPoint.pass()
                guard let lock = try FileLock.wait(directory + "/" + lockName) else {
                    throw ObjectStorageError.notFound(path: directory)
                }
                JournalFiles.share(directory + "/" + lockName, like: root)
                let session = JournalSession(root: root, name: name, lock: lock)
                KillPoint.pass()
                try session.describe()
                KillPoint.pass()
                return session
            }
        }
    }

    deinit {
        // What is left is taken away by the next writer.
        try? end()
    }

    /// Who writes here, for people who find the folder.
    private func describe() throws {
        var writer = JSONWriter()
        writer.value(
            .object([
                "host": .string(ProcessInfo.processInfo.hostName), "process": .int(Int64(getpid())),
                "started": .int(TAINanoseconds.now.rawValue),
            ]))
        writer.endLine()
        try Self.write(writer.bytes, to: directory + "/session.json")
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
    func record(_ intent: JournalIntent) throws -> String {
        let path = directory + "/\(nextNumber())" + Self.intentSuffix
        let draft = path + ".draft"
        try Self.write(intent.text, to: draft)
        KillPoint.pass()
        guard rename(draft, path) == 0 else { throw JournalFiles.failure(path, "write") }
        return path
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw JournalFiles.failure(path, "write") }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return posixWrite(descriptor, base + written, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let failure = JournalFiles.failure(path, "write")
                try JournalFiles.remove(path)
                throw failure
            }
            written += count
        }
    }

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
        try JournalFiles.remove(folder + "/" + lockName)
        // A session that begins now makes the folder's lock anew, and keeps the folder.
        _ = rmdir(folder)
    }
}

private func posixWrite(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, base, count)
}
