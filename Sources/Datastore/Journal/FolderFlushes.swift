import ByteText
import ObjectStorage
import Synchronization

/// Folders in which names were given that are not surely on the disk yet. To flush many takes little when all names are given:
/// file systems with a journal have the names of all with the first. Flushed in between, each takes a commit of that journal.
final class FolderFlushes: Sendable {
    /// So many are flushed before more are added, which bounds the memory.
    private static let most = 20_000

    private let folders = Mutex<Set<ExactName>>([])

    func add(_ folder: String) throws {
        let isFull = folders.withLock { folders in
            folders.insert(folder)
            return folders.count >= Self.most
        }
        if isFull { try flush() }
    }

    /// Waits until the names are on the disk. Blocks.
    /// - Throws: `ObjectStorageError.notFound` when a folder is not there any more.
    func flush() throws {
        let all = folders.withLock { folders in
            defer { folders = [] }
            return folders
        }
        for folder in all.sortedTexts() { try JournalFiles.flushFolder(folder) }
    }
}
