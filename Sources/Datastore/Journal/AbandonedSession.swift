import ByteText
import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The folder of a writer that ended without tidying up. It stays locked while this value lives.
public final class AbandonedSession: Sendable {
    let directory: String
    private let folder: String
    private let lock: FileLock?

    private init(directory: String, folder: String, lock: FileLock?) {
        self.directory = directory
        self.folder = folder
        self.lock = lock
    }

    /// The sessions below the root of a datastore whose lock is free, and which this user may look after. Blocks.
    ///
    /// - Parameter registry: as ``FileDatastore/nameInJournal()``; those of others are left alone.
    static func all(root: String, of registry: String = "") throws -> [AbandonedSession] {
        let folder = root + "/" + JournalSession.folderName
        guard let names = try JournalFiles.names(in: folder) else { return [] }
        // Of a writer that died as it made the folder; one that makes it just now makes it once more.
        if names.isEmpty { JournalFiles.removeEmptyFolder(folder) }
        guard
            Set(names).subtracting([KeptTrash.folderName, damagedName]) == [JournalSession.lockName]
                || names.contains(where: JournalSession.isSessionName)
        else { return [] }
        guard let door = try door(of: folder) else { return [] }
        return try withExtendedLifetime(door) {
            var sessions: [AbandonedSession] = []
            // What has another name or other contents is not of the journal, such as files of a run of this name.
            for name in try (JournalFiles.names(in: folder) ?? []).sorted() where JournalSession.isSessionName(name) {
                let directory = folder + "/" + name
                guard try JournalSession.isOf(registry, directory) else { continue }
                switch try FileLock.attempt(directory + "/" + JournalSession.lockName) {
                case .heldByOther: continue
                case .noFile:
                    guard try JournalFiles.names(in: directory) == [] else { continue }
                    sessions.append(AbandonedSession(directory: directory, folder: folder, lock: nil))
                case .taken(let lock):
                    sessions.append(AbandonedSession(directory: directory, folder: folder, lock: lock))
                }
            }
            // Looks for others itself.
            if sessions.isEmpty { try JournalSession.removeIfEmpty(folder) }
            return sessions
        }
    }

    /// `nil` when there is none, or this user may not use it; those who may will look after the sessions.
    private static func door(of folder: String) throws -> FileLock? {
        do {
            return try FileLock.wait(folder + "/" + JournalSession.lockName)
        } catch ObjectStorageError.permissionDenied { return nil }
    }

    /// The intents that were not carried out, in the order in which they were written, with their files. Blocks.
    func intents() throws -> [(path: String, intent: JournalIntent)] {
        try intentFiles().map { path in (path, try JournalIntent(text: try LocalFile.read(path), path: path)) }
    }

    private func intentFiles() throws -> [String] {
        let suffix = JournalSession.intentSuffix
        let numbered = (try JournalFiles.names(in: directory) ?? []).compactMap { name in
            name.hasSuffix(suffix) ? UInt64(name.dropLast(suffix.count)).map { ($0, directory + "/" + name) } : nil
        }
        return numbered.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// Where intents are kept that nobody can read: a folder in `.steward`.
    static let damagedName = "damaged"

    /// Moves intents that cannot be read to `.steward/damaged`, for people to look at. Nothing of what they may have named is
    /// touched. Blocks.
    /// - Returns: what was wrong, and where they are.
    func setAsideDamaged() throws -> [String] {
        try intentFiles().compactMap { path in
            do {
                _ = try JournalIntent(text: try LocalFile.read(path), path: path)
                return nil
            } catch DatastoreError.malformedJournal(_, let reason) {
                let name = directory.nameInPath + "-" + path.nameInPath
                return try Self.setAside(path, as: name, in: folder, reason)
            }
        }
    }

    /// Moves a file of a journal that cannot be read.
    /// - Parameter folder: `.steward`.
    static func setAside(_ path: String, as name: String, in folder: String, _ reason: String) throws -> String {
        let damaged = folder + "/" + damagedName
        try JournalFiles.makeFolder(damaged)
        JournalFiles.share(damaged, like: JournalFiles.folder(of: folder))
        guard rename(path, damaged + "/" + name) == 0 else { throw JournalFiles.failure(path, "set aside") }
        try JournalFiles.flushFolder(damaged)
        return "\(reason); it is kept as '\(damaged)/\(name)'"
    }

    /// Removes the folder. Blocks.
    func remove() throws {
        guard let door = try FileLock.wait(folder + "/" + JournalSession.lockName) else { return }
        try withExtendedLifetime(door) {
            try JournalFiles.removeFolder(directory)
            try JournalSession.removeIfEmpty(folder)
        }
    }
}
