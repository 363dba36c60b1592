import ButlerModel
import Database
import ObjectStorage
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Finds files below the roots of datastores that no record names.
///
/// A record of any of the datastores counts, whichever way it leads to the file. Left out are Steward's journal, files
/// directly in a root, the database, and folders that are repositories of their own.
public struct UnrecordedFiles: Sendable {
    public struct File: Sendable {
        public let datastore: FileDatastore
        /// Relative to the root of the datastore.
        public let path: String
        /// Bytes.
        public let size: Int64
    }

    private struct Root: Sendable {
        let datastore: FileDatastore
        /// Without symbolic links, and with a slash at the end.
        let path: String
    }

    /// What tells a file from all others of this machine.
    private struct Node: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    private let roots: [Root]
    /// Where the database is, if it is a file.
    private let database: String
    /// Files that records name by absolute locations.
    private let named: Set<Node>

    /// - Parameter database: path of the database; anything else if it is no file.
    /// - Throws: ``DatastoreError/missingRoot(path:datastore:)``.
    public init(of all: [FileDatastore], database: String, _ connection: any DatabaseConnection) throws {
        var roots: [Root] = []
        var named: Set<Node> = []
        if let node = Node(database) { named.insert(node) }
        for datastore in all where datastore.isLocal {
            let resolved = try datastore.existingRoot()
            roots.append(Root(datastore: datastore, path: resolved + "/"))
            try datastore.table.absolutePaths(connection) { path in
                guard let local = try? ResourceURI(path).withoutFragment.localPath, let node = Node(local) else { return }
                named.insert(node)
            }
        }
        self.roots = roots
        self.named = named
        self.database = (try? JournalFiles.resolved(database)) ?? database
    }

    /// Calls `body` with files in pages.
    /// - Parameter read: runs a query.
    public func visit(
        read: @Sendable (@escaping @Sendable (any DatabaseConnection) throws -> Set<String>) async throws -> Set<String>,
        _ body: (File) async throws -> Void
    ) async throws {
        for (index, root) in roots.enumerated() where !roots[..<index].contains(where: { $0.path == root.path }) {
            let store = try POSIXObjectStore(root: try ResourceURI(localPath: root.path))
            var repositories: [String: Bool] = [:]
            for try await page in try await store.list(nil) {
                let candidates = page.filter { entry in
                    let path = entry.path.description
                    return path.utf8.contains(UInt8(ascii: "/")) && !path.hasPrefix(JournalSession.folderName + "/")
                        && !(root.path + path).hasPrefix(database)
                        && !roots.contains { $0.path != root.path && (root.path + path).hasPrefix($0.path) }
                }
                guard !candidates.isEmpty else { continue }
                let paths = candidates.map { root.path + $0.path.description }
                let known = try await read { try recorded(paths, $0) }
                for (entry, path) in zip(candidates, paths) where !known.contains(path) {
                    if let node = Node(path), named.contains(node) { continue }
                    if isInRepository(entry.path.description, root.path, &repositories) { continue }
                    try await body(
                        File(datastore: root.datastore, path: entry.path.description, size: entry.status.size))
                }
            }
        }
    }

    /// Which of the absolute paths records of any datastore name.
    private func recorded(_ paths: [String], _ connection: any DatabaseConnection) throws -> Set<String> {
        var found: Set<String> = []
        for root in roots {
            let inside = paths.filter { $0.hasPrefix(root.path) }
            let relative = inside.map { String($0.dropFirst(root.path.count)) }
            let recorded = try root.datastore.table.recordedFiles(relative, connection)
            for (path, name) in zip(inside, relative) where recorded.contains(name) { found.insert(path) }
        }
        return found
    }

    /// Whether one of the folders above a file, below the root, is a repository.
    private func isInRepository(_ path: String, _ root: String, _ known: inout [String: Bool]) -> Bool {
        var folder = path
        while let slash = folder.lastIndex(of: "/") {
            folder = String(folder[..<slash])
            let isOne = known[folder] ?? LocalFile.exists(root + folder + "/butler.yaml")
            known[folder] = isOne
            if isOne { return true }
        }
        return false
    }

    /// Removes a file, if no record names it by now and it is surely the datastore's: below the folder of a run, or beside
    /// a file that is recorded.
    ///
    /// - Parameters:
    ///   - runs: names of runs.
    ///   - connection: of a transaction that writes.
    /// - Returns: whether it is gone.
    public func remove(_ file: File, runs: [String], _ connection: any DatabaseConnection) throws -> Bool {
        guard try isOurs(file, runs) || hasRecordedNeighbour(file, connection) else { return false }
        let path = try JournalFiles.resolved(try file.datastore.rootPath()) + "/" + file.path
        guard try recorded([path], connection).isEmpty else { return false }
        try JournalFiles.remove(path)
        return true
    }

    private func isOurs(_ file: File, _ runs: [String]) -> Bool { runs.contains { file.path.hasPrefix($0 + "/") } }

    private func hasRecordedNeighbour(_ file: File, _ connection: any DatabaseConnection) throws -> Bool {
        let folder = JournalFiles.folder(of: file.path)
        return try file.datastore.table.hasRecords(inFolder: folder, connection)
    }
}

extension FileDatastore {
    /// The root, without symbolic links.
    /// - Throws: ``DatastoreError/missingRoot(path:datastore:)`` when it is not there, as when a disk is not mounted.
    public func existingRoot() throws -> String {
        let root = try rootPath()
        var status = stat()
        guard stat(root, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw DatastoreError.missingRoot(path: root, datastore: name)
        }
        return try JournalFiles.resolved(root)
    }
}

extension FileRecordsTable {
    /// Hands out recorded paths that are absolute locations.
    func absolutePaths(_ connection: any DatabaseConnection, _ body: (String) throws -> Void) throws {
        guard try connection.tableExists(specification.name) else { return }
        let filter = SQL.matches("\(column: "path")", WildcardPattern("*://*"))
        try connection.query("SELECT \(column: "path") FROM \(table: specification) WHERE \(filter)") {
            try body(try $0.text(0))
        }
    }

    /// Whether any recorded path is in a folder, or below it.
    func hasRecords(inFolder folder: String, _ connection: any DatabaseConnection) throws -> Bool {
        // `0` follows `/` in the order of characters.
        try connection.tableExists(specification.name)
            && connection.fetchOne(
                """
                SELECT 1 FROM \(table: specification) WHERE \(column: "path") > \(value: folder + "/") \
                AND \(column: "path") < \(value: folder + "0")
                """
            ) { try $0.int(0) } != nil
    }
}
