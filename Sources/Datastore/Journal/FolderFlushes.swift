import ObjectStorage
import Synchronization

/// Folders in which names were given that are not surely on the disk yet: each is flushed, or the whole file system when
/// they are many, which takes less.
///
/// Files are linked or renamed to get their names, so these are in the file system of the root.
final class FolderFlushes: Sendable {
    /// By the root; not all of them once there are many.
    private let folders = Mutex<[String: Set<String>]>([:])

    func add(_ folder: String, below root: String) {
        folders.withLock { folders in
            guard !JournalFiles.areMany(folders[root]?.count ?? 0) else { return }
            folders[root, default: []].insert(folder)
        }
    }

    /// Waits until the names are on the disk. Blocks.
    func flush() throws {
        let all = folders.withLock { folders in
            defer { folders = [:] }
            return folders
        }
        for (root, folders) in all.sorted(by: { $0.key < $1.key }) {
            if JournalFiles.areMany(folders.count) {
                try JournalFiles.flushAll(root)
            } else {
                for folder in folders.sorted() { try JournalFiles.flushFolder(folder) }
            }
        }
    }
}
