import Database
import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whether the disk of a datastore is there. An empty mount point must not be taken for a datastore that has lost its files.
extension FileDatastore {
    /// Why the root seems not to be there: no folder, or nothing in it but a journal. `nil` when it is, and for a root on
    /// another machine. Blocks; cost: a look at the first names.
    public func reasonForAbsence() throws -> String? {
        guard isLocal else { return nil }
        let root = try rootPath()
        guard try existingRoot() != nil else {
            return "its folder '\(root)' is not there; mount its disk, or correct the root in butler.yaml"
        }
        guard try !JournalFiles.holds(root, apartFrom: [JournalSession.folderName, "lost+found"]) else { return nil }
        return "none of its files is in '\(root)', which is empty; mount its disk, or correct the root in butler.yaml "
            + "(if the files are lost for good, put any file there)"
    }

    /// Refuses to go on when the root is not there although files below it are recorded. A root that has had no file yet
    /// may be missing: it is made with the first. Blocks.
    ///
    /// - Throws: ``DatastoreError/absent(datastore:reason:)``.
    public func requirePresence(_ connection: any DatabaseConnection) throws {
        guard let reason = try reasonForAbsence(), try hasFilesBelowRoot(connection) else { return }
        throw DatastoreError.absent(datastore: name, reason: reason)
    }

    /// Whether a dataset that is stored here, or in the trash, has a record of a file below the root.
    private func hasFilesBelowRoot(_ connection: any DatabaseConnection) throws -> Bool {
        guard try connection.tableExists(table.specification.name) else { return false }
        for places in ["dataset_location", "dataset_location_trash"] as [String] {
            let found = try connection.fetchOne(
                """
                SELECT 1 FROM \(table: places) AS \(alias: "l") \
                JOIN \(table: table.specification) AS \(alias: "r") \
                ON \(column: "dataset_id", of: "r") = \(column: "dataset_id", of: "l") \
                WHERE \(column: "datastore_name", of: "l") = \(value: name) \
                AND \(column: "path", of: "r") NOT LIKE '%://%' LIMIT 1
                """
            ) { try $0.int(0) }
            if found != nil { return true }
        }
        return false
    }

    /// Whether the journal of a writer can be seen below the root. Then this is the root that it works in, even if none of
    /// the files is left: the last ones may just have been deleted.
    private func showsJournal() throws -> Bool {
        FileIdentity(of: try rootPath() + "/" + JournalSession.folderName) != nil
    }

    /// Calls `body`, which says whether it found a file missing that was recorded. One that is missing counts as deleted only
    /// if the root is there, and still the same.
    func whileRootStays(_ connection: any DatabaseConnection, _ body: () throws -> Bool) throws {
        guard isLocal else {
            _ = try body()
            return
        }
        let root = try rootPath()
        if try !showsJournal() { try requirePresence(connection) }
        let before = FolderIdentity(of: root)
        guard try body() else { return }
        // Records may be gone already, so they are not asked.
        if try !showsJournal(), let reason = try reasonForAbsence() {
            throw DatastoreError.absent(datastore: name, reason: reason)
        }
        guard FolderIdentity(of: root) == before else {
            throw DatastoreError.absent(
                datastore: name, reason: "another file system was mounted at '\(root)' meanwhile; try again")
        }
    }
}

/// What tells a folder from another that is mounted over it.
private struct FolderIdentity: Equatable {
    let device: dev_t
    let inode: ino_t

    /// `nil` when there is none.
    init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = status.st_dev
        inode = status.st_ino
    }
}

extension JournalFiles {
    /// Whether a folder has a name in it, apart from some. Cost: as many names as are passed over.
    fileprivate static func holds(_ folder: String, apartFrom ignored: Set<String>) throws(ObjectStorageError) -> Bool {
        guard let stream = opendir(folder) else {
            // Who may not list it may still know files in it.
            if errno == EACCES { return true }
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw failure(folder, "list")
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != "..", !ignored.contains(name) { return true }
        }
        return false
    }
}
