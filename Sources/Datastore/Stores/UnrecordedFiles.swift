import ByteText
import ButlerModel
import Database
import ObjectStorage

/// Finds files below the roots of datastores that no record leads to, and tells which of them are surely nobody's.
///
/// A record of any of the datastores counts, whichever way it leads to the file. Left out are Steward's journal, files
/// directly in a root, the database, folders that are repositories of their own, and, on other machines, what writers
/// have announced.
public final class UnrecordedFiles: Sendable {
    public struct File: Sendable {
        /// Without symbolic links; of another machine the location, not quoted.
        let absolute: String
        /// Relative to the root of its datastore.
        public let path: String
        /// Bytes.
        public let size: Int64
        /// Seconds since 1970.
        fileprivate let modified: Int64
    }

    private struct Root: Sendable {
        let datastore: FileDatastore
        /// See ``FileDatastore/searchedRoot()``.
        let path: String
    }

    private let roots: [Root]
    /// Roots that are not searched, because their datastore is not whole.
    private let excluded: Set<ExactName>
    /// Where the database is, if it is a file.
    private let database: String
    private let minimumAge: Int64

    /// - Parameters:
    ///   - all: the datastores of the repository.
    ///   - absent: those whose files are not there now; what is below their roots is left alone.
    ///   - database: path of the database; anything else if it is no file.
    ///   - minimumAge: in seconds. Younger files may be about to be recorded.
    public init(of all: [FileDatastore], absent: [FileDatastore], database: String, minimumAge: Int64) throws {
        var roots: [Root] = []
        var excluded: Set<ExactName> = []
        for datastore in all {
            guard let path = try datastore.searchedRoot() else { continue }
            if absent.contains(where: { $0 === datastore }) {
                excluded.insert(path)
            } else {
                roots.append(Root(datastore: datastore, path: path))
            }
        }
        self.roots = roots
        self.excluded = excluded
        self.database = database.utf8.first == UInt8(ascii: "/") ? (try? JournalFiles.resolved(database)) ?? database : ""
        self.minimumAge = minimumAge
    }

    // MARK: Finding

    /// Calls `body` with the candidates of each page of a listing, without looking at records. Servers that cannot be
    /// listed are passed over.
    ///
    /// - Parameter unnamed: is told of files whose names are no text.
    public func visit(
        _ body: (Candidates) async throws -> Void, unnamed: (ObjectStorageError) async throws -> Void = { _ in }
    ) async throws {
        var searched: Set<ExactName> = []
        for root in roots where !excluded.contains(root.path) && searched.insert(root.path) {
            do {
                let announced = try await announced(in: root.datastore)
                let (pages, problems) = try await list(root)
                for try await page in pages {
                    let files = page.compactMap { entry -> File? in
                        let path = entry.path.description
                        let absolute = root.path + path
                        guard path.utf8.contains(UInt8(ascii: "/")), !path.begins(with: JournalSession.folderName + "/"),
                            !isOfDatabase(absolute), !isBelowOther(root: root.path, absolute),
                            !announced.contains(path)
                        else { return nil }
                        return File(
                            absolute: absolute, path: path, size: entry.status.size,
                            modified: entry.status.modificationTime / 1_000_000_000)
                    }
                    if !files.isEmpty { try await body(Candidates(root: root.path, files: files)) }
                }
                for problem in problems() { try await unnamed(problem) }
            } catch ObjectStorageError.unsupported where !root.datastore.isLocal { continue }
        }
    }

    private func list(
        _ root: Root
    ) async throws -> (pages: AsyncThrowingStream<[ObjectEntry], any Error>, problems: @Sendable () -> [ObjectStorageError]) {
        guard root.datastore.isLocal else { return (try await root.datastore.requireRemote().list(nil), { [] }) }
        return try POSIXObjectStore(root: try ResourceURI(localPath: root.path)).listText()
    }

    private func store(of root: Root) throws -> any ObjectStore {
        root.datastore.isLocal
            ? try POSIXObjectStore(root: try ResourceURI(localPath: root.path)) : try root.datastore.requireRemote()
    }

    /// What writers at a root on another machine are making: objects have their names there before a record has.
    private func announced(in datastore: FileDatastore) async throws -> Set<ExactName> {
        guard !datastore.isLocal else { return [] }
        let store = try datastore.requireRemote()
        var names: Set<ExactName> = []
        for try await page in try await store.list(try ObjectPath(JournalSession.folderName)) {
            for entry in page where entry.path.basename.hasSuffix(JournalSession.intentSuffix) {
                let text: [UInt8]
                do { text = try await store.read(entry.path) } catch ObjectStorageError.notFound { continue }
                let intent = try JournalIntent(text: text, path: entry.path.description)
                if case .upload(let objects) = intent.content { names.formUnion(objects.map { ExactName($0.path) }) }
            }
        }
        return names
    }

    /// Files of one root.
    public struct Candidates: Sendable {
        let root: String
        public let files: [File]

        public func with(_ files: [File]) -> Candidates { Candidates(root: root, files: files) }
    }

    /// The database, and the journals that its software keeps beside it.
    private func isOfDatabase(_ path: String) -> Bool { !database.isEmpty && path.begins(with: database) }

    private func isBelowOther(root: String, _ path: String) -> Bool {
        roots.contains { !$0.path.hasSameBytes(as: root) && $0.path.begins(with: root) && path.begins(with: $0.path) }
            || excluded.contains { path.begins(with: $0.text) }
    }

    /// Those of the candidates that are in no folder, below the root, that is a repository of its own.
    ///
    /// - Parameter known: remembers folders that were looked into.
    public func outsideRepositories(
        _ candidates: Candidates, _ known: inout [ExactName: Bool]
    ) async throws -> Candidates {
        guard let root = roots.first(where: { $0.path.hasSameBytes(as: candidates.root) }) else { return candidates.with([]) }
        let store = try store(of: root)
        var files: [File] = []
        for file in candidates.files {
            var folder = file.path
            var isInside = false
            while !isInside, let above = folder.folderInPath {
                folder = above
                let name = ExactName(root.path + folder)
                if known[name] == nil {
                    known[name] = try await store.exists(try ObjectPath(folder + "/butler.yaml"))
                }
                isInside = known[name] ?? false
            }
            if !isInside { files.append(file) }
        }
        return candidates.with(files)
    }

    /// Those of the candidates that no relative record leads to, with or without a fragment.
    public func unrecorded(_ candidates: Candidates, _ connection: any DatabaseConnection) throws -> [File] {
        var left = candidates.files
        for root in roots where root.path.begins(with: candidates.root) || candidates.root.begins(with: root.path) {
            func name(_ file: File) throws -> ObjectPath? {
                try file.absolute.after(root.path).map { try ObjectPath($0) }
            }
            let known = try root.datastore.table.recordedFiles(try left.compactMap(name), connection)
            guard !known.isEmpty else { continue }
            try left.removeAll { try name($0).map { known.contains($0) } ?? false }
        }
        return left
    }

    /// Files that records lead to by absolute locations, directly or over links, or by paths that are not as writers spell
    /// them: with escapes, `.`, `..`, repeated slashes or one at the end.
    public struct DirectlyRecorded: Sendable {
        fileprivate var nodes: Set<FileNode> = []
        /// Of other machines, not quoted.
        fileprivate var locations: Set<ExactName> = []
    }

    public func directlyRecorded(_ connection: any DatabaseConnection) throws -> DirectlyRecorded {
        var direct = DirectlyRecorded()
        for root in roots {
            try root.datastore.table.unusualPaths(connection) { path in
                let location: String
                switch try? ArtifactLocation(recorded: path) {
                case nil: return
                case .outside(let uri, _): location = uri.localPath ?? uri.unquoted
                case .inside(let object, _): location = root.path + object.description
                }
                if location.utf8.first != UInt8(ascii: "/") {
                    direct.locations.insert(location)
                } else if let node = FileNode(location) {
                    direct.nodes.insert(node)
                }
            }
        }
        return direct
    }

    public func isRecorded(_ file: File, directly direct: DirectlyRecorded) -> Bool {
        guard file.absolute.utf8.first == UInt8(ascii: "/") else { return direct.locations.contains(file.absolute) }
        return FileNode(file.absolute).map { direct.nodes.contains($0) } ?? true
    }

    /// Where symbolic links below the roots lead to. Cost: a look at each file and folder.
    public func linked() throws -> LinkTargets {
        var targets = LinkTargets()
        for path in Set(names: roots.filter(\.datastore.isLocal).map(\.path)) { try targets.collect(below: path.text) }
        return targets
    }

    /// BLAKE2b of the content, as records have it.
    public func checksum(of file: File) async throws -> String {
        guard let remote = remote(file) else {
            return try await POSIXObjectStore.sharedPool.run { try LocalFile.checksum(file.absolute) }
        }
        return try await remote.store.checksum(of: remote.path)
    }

    // MARK: Judging

    /// The datastores below whose roots a file is, with its path there.
    public func owners(of file: File) -> [(datastore: FileDatastore, path: String)] {
        roots.compactMap { root in file.absolute.after(root.path).map { (root.datastore, $0) } }
    }

    /// Why a file may be somebody's although no record leads to it, as far as the file itself tells; `nil` if it does not.
    ///
    /// - Parameter now: seconds since 1970.
    public func reasonToKeep(_ file: File, _ links: LinkTargets, now: Int64) throws -> String? {
        let beginning = Array("SQLite format 3\0".utf8)
        let young = "it was changed less than \(minimumAge) seconds ago"
        if let remote = remote(file) {
            if now - file.modified < minimumAge { return young }
            let range = 0..<min(file.size, Int64(beginning.count))
            do {
                let start = try BlockingCall.wait { try await remote.store.read(remote.path, range: range) }
                return start == beginning ? "it is a database" : nil
            } catch ObjectStorageError.notFound { return "it cannot be looked at" }
        }
        guard let times = FileTimes(file.absolute) else { return "it cannot be looked at" }
        if now - times.latestChange < minimumAge { return young }
        if links.lead(to: file.absolute) { return "a symbolic link leads to it" }
        return LocalFile.begins(file.absolute, with: beginning) ? "it is a database" : nil
    }

    /// Where a file of another machine is.
    private func remote(_ file: File) -> (store: any ObjectStore, path: ObjectPath)? {
        guard let root = roots.first(where: { !$0.datastore.isLocal && ($0.path + file.path).hasSameBytes(as: file.absolute) }),
            let store = root.datastore.remote, let path = try? ObjectPath(file.path)
        else { return nil }
        return (store, path)
    }

    /// Keeps those who give files names away until the transaction ends.
    public func lock(_ connection: any DatabaseConnection) throws {
        for root in roots { try root.datastore.lockNames(connection, forRemoval: true) }
    }

    /// Removes a file; the caller has looked at the records in the same transaction.
    public func remove(_ file: File) throws {
        guard let remote = remote(file) else {
            try JournalFiles.remove(file.absolute)
            return
        }
        try BlockingCall.wait { try await remote.store.delete(remote.path) }
    }
}

extension FileDatastore {
    /// The root, without symbolic links; `nil` when it is not there, as when a disk is not mounted, and for one of
    /// another machine.
    public func existingRoot() throws -> String? {
        guard isLocal else { return nil }
        let root = try rootPath()
        guard LocalFile.isFolder(root) else { return nil }
        return try JournalFiles.resolved(root)
    }

    /// The root as paths are compared with it, with a slash at the end: without symbolic links, or of another machine, not
    /// quoted. `nil` when it is not there, and when nobody can look.
    func searchedRoot() throws -> String? {
        if isLocal { return try existingRoot().map { $0 == "/" ? $0 : $0 + "/" } }
        return remote == nil ? nil : root.unquoted
    }

    /// Which run's datasets a template of this datastore could give a path to, by the names of runs.
    public func runs(of path: String, among runs: RunNames) -> Set<ExactName> {
        var found: Set<ExactName> = []
        for template in templates.entries.map(\.value) + (fallbackTemplate.map { [$0] } ?? []) {
            found.formUnion(template.runs(of: path, among: runs))
        }
        return found
    }

    /// Paths, without extension, that files of a dataset could have: that of the whole, and those of its components.
    /// - Parameter ref: with an expanded data ID.
    public func possibleStems(of ref: DatasetRef) throws -> [String] {
        var stems: [String] = []
        func add(_ ref: DatasetRef) throws {
            do {
                // With an extension of no meaning, because what a path must be like depends on the whole.
                let path = try ArtifactLocation.path(try template(for: ref).path(for: ref), extension: ".x", isNew: false)
                stems.append(String(path.description.dropLast(2)))
            } catch is DatastoreError { return } catch is ObjectStorageError { return }
        }
        try add(ref)
        if let definition = storageClasses[ref.datasetType.storageClass], definition.isComposite {
            for component in definition.components {
                if let part = try componentRef(component.name, of: ref, definition) { try add(part) }
            }
        }
        return stems
    }

    /// The path of a file without extension: no template makes names with a dot.
    public static func stem(of path: String) -> String {
        let bytes = path.utf8
        let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { bytes.index(after: $0) } ?? bytes.startIndex
        return bytes[start...].firstIndex(of: UInt8(ascii: ".")).map { String(path[..<$0]) } ?? path
    }

    /// Whether there is a file of a path without extension, with any extension or none. Blocks.
    public func hasFile(stem: String) throws -> Bool {
        guard isLocal else { return try hasObject(stem: stem) }
        let local = try localPath(try ObjectPath(stem))
        let folder = JournalFiles.folder(of: local)
        let name = local.nameInPath
        return (try JournalFiles.names(in: folder) ?? []).contains { Self.isOfStem($0, name) }
    }

    /// Also in another Unicode form, as a copy through another system may have it.
    private static func isOfStem(_ path: String, _ stem: String) -> Bool {
        path == stem || path.hasPrefix(stem + ".") || path.begins(with: stem + ".")
    }

    private func hasObject(stem: String) throws -> Bool {
        let store = try requireRemote()
        return try BlockingCall.wait {
            let folder = stem.folderInPath
            for try await page in try await store.list(try folder.map { try ObjectPath($0) }) {
                if page.contains(where: { Self.isOfStem($0.path.description, stem) }) { return true }
            }
            return false
        }
    }
}

extension FileRecordsTable {
    /// Hands out recorded paths that are absolute locations, or could be spelled in another way, apart from a fragment.
    /// Cost: a scan of the table.
    func unusualPaths(_ connection: any DatabaseConnection, _ body: (String) throws -> Void) throws {
        guard try connection.tableExists(specification.name) else { return }
        var filter: SQL = "1 = 0"
        let patterns = [
            "*:/*", "/*", "*%*", "*//*", "./*", "*/./*", "../*", "*/../*", "*/", "*/.", "*/..", "*/#*", "*/.#*", "*/..#*",
        ]
        for pattern in patterns {
            filter = "\(filter) OR \(SQL.matches("\(column: "path")", WildcardPattern(pattern)))"
        }
        try connection.query("SELECT \(column: "path") FROM \(table: specification) WHERE \(filter)") {
            try body(try $0.text(0))
        }
    }
}

extension ResourceURI {
    /// For comparisons: scheme, host or bucket, and the path as it is recorded.
    fileprivate var unquoted: String { "\(scheme)://\(authority)\(path)" }

    /// How records may name the same place: of a file on this machine also with other beginnings, or as a path.
    var spellings: [String] {
        guard let localPath else { return [description] }
        return [description, "file:" + encodedPath, "file://localhost" + encodedPath, localPath, "file://" + localPath]
    }
}
