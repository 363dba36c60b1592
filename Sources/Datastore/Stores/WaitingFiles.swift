import ButlerModel
import ByteText
import Database
import ObjectStorage

/// Files that wait for their deletion: their datasets are in the trash, or the registry does not know them any more.
/// What comes into the repository meanwhile neither counts on such files nor touches them.
extension FileDatastore {
    /// Those of the datasets whose files wait for their deletion here.
    func waiting(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Set<DatasetID> {
        var waiting: Set<DatasetID> = []
        for chunk in ids.pieces(of: 10_000) {
            let recorded = Set(try table.records(of: chunk, connection).keys)
            if recorded.isEmpty { continue }
            let trashed = Set(try trash.ids(among: chunk, connection))
            waiting.formUnion(recorded.intersection(trashed))
            // The registry forgets none that is stored.
            let others = recorded.subtracting(trashed)
            waiting.formUnion(others.subtracting(try DatasetLocationTable.registered(others, connection)))
        }
        return waiting
    }

    /// By the recorded path of a file, without the member of an archive, the datasets that have records of it.
    private func owners(
        of paths: some Collection<String>, _ connection: any DatabaseConnection
    ) throws -> [ExactName: Set<DatasetID>] {
        guard !paths.isEmpty, try connection.tableExists(table.specification.name) else { return [:] }
        var owners: [ExactName: Set<DatasetID>] = [:]
        let filter = SQL.isIn("\(column: "path")", paths.map { .text($0) })
        try connection.query(
            "SELECT \(columns: ["path", "dataset_id"]) FROM \(table: table.specification) WHERE \(filter)"
        ) { owners[try $0.text(0), default: []].insert(DatasetID(try $0.uuid(1))) }
        for path in paths where owners[path] == nil && path.lowercased().hasSuffix(".zip") {
            let members = try table.members(ofZip: path, connection).values.reduce(into: Set()) { $0.formUnion($1) }
            if !members.isEmpty { owners[path] = members }
        }
        return owners
    }

    /// Which files below the root are recorded: by datasets that are stored, or only by such whose files wait for their
    /// deletion.
    ///
    /// - Parameter paths: as they are recorded, without members of archives.
    func recordedFiles(
        byUse paths: [String], _ connection: any DatabaseConnection
    ) throws -> (stored: Set<ExactName>, waiting: Set<ExactName>) {
        var result: (stored: Set<ExactName>, waiting: Set<ExactName>) = ([], [])
        for chunk in paths.pieces(of: 10_000) {
            let owners = try owners(of: chunk, connection)
            guard !owners.isEmpty else { continue }
            let waiting = try waiting(Array(owners.values.reduce(into: Set()) { $0.formUnion($1) }), connection)
            for (path, ids) in owners {
                if ids.isSubset(of: waiting) { result.waiting.insert(path) } else { result.stored.insert(path) }
            }
        }
        let elsewhere = try recordedElsewhere(result.waiting.map(\.text), among: neighbours, connection)
        result.stored.formUnion(elsewhere)
        result.waiting.subtract(elsewhere)
        return result
    }

    /// Which of the recorded paths, with or without the member of an archive, lead to files of datasets that are stored.
    /// Nobody takes their names or records away until the transaction ends, if it is one that writes.
    public func storedFiles(_ paths: [String], _ connection: any DatabaseConnection) throws -> Set<ExactName> {
        let files = Set(names: paths.map { Self.file($0) }).map(\.text)
        if connection.isWriteable {
            try lockNames(connection, forRemoval: false)
            let ids = try owners(of: files, connection).values.reduce(into: Set()) { $0.formUnion($1) }
            try locations.lock(ids, connection)
        }
        let stored = try recordedFiles(byUse: files, connection).stored
        return Set(names: paths.filter { stored.contains(Self.file($0)) })
    }

    /// The recorded path without the member of an archive, or what else a fragment may say.
    package static func file(_ path: String) -> String {
        guard path.hasByte(UInt8(ascii: "#")) else { return path }
        if let start = path.utf8.firstRange(of: "#zip-path=".utf8)?.lowerBound { return String(path[..<start]) }
        guard let fragment = (try? ResourceURI(path))?.fragment, !fragment.isEmpty else { return path }
        return String(Substring(path.utf8.dropLast(fragment.utf8.count + 1)))
    }

    /// Those of the paths below the root where a file or object is. Blocks.
    func existing(_ paths: [ObjectPath]) throws -> Set<ObjectPath> {
        guard let remote else { return Set(try paths.filter { FileIdentity(of: try localPath($0)) != nil }) }
        return try BlockingCall.wait { try await remote.existing(paths) }
    }

    /// Gives back datasets that were purged and that somebody, such as a Python client, has registered again before their
    /// files went: they are stored, if all of their files are there.
    func restoreReturned(_ registered: Set<DatasetID>, _ connection: any DatabaseConnection) throws {
        guard !registered.isEmpty else { return }
        let infos = try table.records(of: Array(registered), connection)
        let known = registered.intersection(infos.keys)
        let located = Set(try locations.held(Array(known), connection))
        var paths: [DatasetID: [ObjectPath]] = [:]
        for id in known.subtracting(located) {
            paths[id] = (infos[id] ?? []).compactMap { ArtifactLocation.belowRoot($0.path)?.path }
        }
        let there = try existing(Array(Set(paths.values.joined())))
        let returned = paths.filter { there.isSuperset(of: $0.value) }.keys
        try trash.delete(Array(returned), connection)
        try locate(Array(returned), connection)
    }
}

extension DatasetLocationTable {
    /// Keeps others from taking datasets out of the datastore until the transaction ends.
    func lock(_ ids: some Collection<DatasetID>, _ connection: any DatabaseConnection) throws {
        guard !ids.isEmpty else { return }
        let filter = SQL.isIn("\(column: "dataset_id")", ids.map { .uuid($0.uuid) })
        try connection.lockRows(
            """
            SELECT \(column: "dataset_id") FROM \(table: "dataset_location") \
            WHERE \(column: "datastore_name") = \(value: datastore) AND \(filter)
            """, isShared: false)
    }
}

extension Datastore {
    /// Those of the datasets that a datastore has. One whose files wait for their deletion it has no more.
    ///
    /// In a transaction that writes, nobody takes them away until it ends.
    public func held(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Set<DatasetID> {
        var held: Set<DatasetID> = []
        for chunk in ids.pieces(of: 10_000) {
            for files in files {
                if connection.isWriteable { try files.locations.lock(chunk, connection) }
                let recorded = Set(try files.records(of: chunk, connection).keys)
                guard !recorded.isEmpty else { continue }
                held.formUnion(recorded.subtracting(try files.waiting(Array(recorded), connection)))
            }
        }
        return held
    }

    /// Refuses to bring files in by a transfer after which a dataset of this repository, that which the file is or is to be
    /// in, would have none.
    ///
    /// - Parameter needed: paths of other files that a move may not take away.
    /// - Throws: ``DatastoreError/notIngestible(location:reason:)`` for a move of a file that a stored dataset is in, and for
    ///   links to one that waits for its deletion. Cost: a look at each name, and a query for some thousands.
    public func refuseOwnFiles(
        _ sources: [ResourceURI], _ transfer: ArtifactTransfer, alsoNeeded needed: [String],
        _ connection: any DatabaseConnection
    ) throws {
        guard [.move, .symlink, .relsymlink, .direct].contains(transfer) else { return }
        let folders = ResolvedFolder()
        let needed = Set(names: transfer == .move ? needed.compactMap { try? JournalFiles.resolved($0) } : [])
        for files in files {
            let root = try files.searchedRoot()
            // By the paths under which they may be recorded.
            var locations: [ExactName: ResourceURI] = [:]
            for source in sources {
                let source = source.withoutFragment
                let place = try files.place(source)
                if let path = place.path { locations[path.description] = source }
                if case .remote = place { continue }
                for text in try ResourceURI(localPath: place.name).spellings { locations[text] = source }
                // What is not there is refused where it is read.
                guard let resolved = try? folders.resolved(place.name) else { continue }
                guard !needed.contains(resolved) else {
                    throw DatastoreError.notIngestible(
                        location: place.name,
                        reason: "it is part of the repository itself, which a move would take away; ask for the transfer "
                            + "copy")
                }
                for text in try ResourceURI(localPath: resolved).spellings { locations[text] = source }
                if files.isLocal, let root, resolved.utf8.starts(with: root.utf8) {
                    locations[String(resolved.utf8.dropFirst(root.utf8.count)) ?? ""] = source
                }
            }
            let (stored, waiting) = try files.recordedFiles(byUse: locations.keys.map(\.text), connection)
            if transfer == .move, let path = stored.min(), let source = locations[path] {
                throw DatastoreError.notIngestible(
                    location: source.localPath ?? source.description,
                    reason: "it is the file of another dataset, which a move would take away; ask for a transfer such as "
                        + "copy or link")
            }
            if transfer != .move, let path = waiting.min(), let source = locations[path] {
                throw DatastoreError.notIngestible(
                    location: source.localPath ?? source.description,
                    reason: "it waits in the trash for its deletion, which would take it away; ask for the transfer copy, "
                        + "link or move")
            }
        }
    }
}
