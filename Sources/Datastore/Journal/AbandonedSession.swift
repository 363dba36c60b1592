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
    static func all(root: String) throws -> [AbandonedSession] {
        let folder = root + "/" + JournalSession.folderName
        guard let names = try JournalFiles.names(in: folder),
            names == [JournalSession.lockName] || names.contains(where: JournalSession.isSessionName),
            let door = try FileLock.wait(folder + "/" + JournalSession.lockName)
        else { return [] }
        return try withExtendedLifetime(door) {
            var sessions: [AbandonedSession] = []
            // What has another name or other contents is not of the journal, such as files of a run of this name.
            for name in try (JournalFiles.names(in: folder) ?? []).sorted() where JournalSession.isSessionName(name) {
                let directory = folder + "/" + name
                switch try FileLock.attempt(directory + "/" + JournalSession.lockName) {
                case .heldByOther: continue
                case .noFile:
                    guard try JournalFiles.names(in: directory) == [] else { continue }
                    sessions.append(AbandonedSession(directory: directory, folder: folder, lock: nil))
                case .taken(let lock):
                    sessions.append(AbandonedSession(directory: directory, folder: folder, lock: lock))
                }
            }
            if sessions.isEmpty { try JournalSession.removeIfEmpty(folder) }
            return sessions
        }
    }

    /// The intents that were not carried out, in the order in which they were written, with their files. Blocks.
    func intents() throws -> [(path: String, intent: JournalIntent)] {
        let suffix = JournalSession.intentSuffix
        let numbered = (try JournalFiles.names(in: directory) ?? []).compactMap { name in
            name.hasSuffix(suffix) ? UInt64(name.dropLast(suffix.count)).map { ($0, directory + "/" + name) } : nil
        }
        return try numbered.sorted { $0.0 < $1.0 }.map { _, path in
            (path, try JournalIntent(text: try LocalFile.read(path), path: path))
        }
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
