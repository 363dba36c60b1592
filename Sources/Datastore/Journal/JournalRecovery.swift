import ButlerModel
import ByteText
import Database
import ObjectStorage

/// Finishing or undoing what writers that died were doing. See docs/writing.md.
extension FileDatastore {
    /// Writers of this datastore that ended in the middle of something. They stay locked while the values live. Blocks.
    public func abandonedSessions() throws -> [AbandonedSession] {
        guard isLocal else { return [] }
        return try AbandonedSession.all(root: try rootPath(), of: try nameInJournal())
    }

    /// Moves intents of a session that cannot be read out of the way, to `.steward/damaged`; what they may have named is not
    /// touched. Before ``recover(_:_:)-(AbandonedSession,_)``. Blocks.
    /// - Returns: what was wrong, and where they are.
    public func setAsideDamaged(_ session: AbandonedSession) throws -> [String] { try session.setAsideDamaged() }

    /// Carries out or undoes all that a session had in mind: a file whose name is recorded stays and one that is not
    /// goes; the source of a move goes if the file is recorded; files of datasets that are in the trash, or that the registry
    /// does not know any more, are deleted. Folders that were made for files and are empty go. Datastores of a chain that
    /// have one root have one journal.
    ///
    /// - Parameter connection: of a transaction that writes, so that no other client is in the middle of giving names.
    public func recover(_ session: AbandonedSession, _ connection: any DatabaseConnection) throws -> Recovered {
        var result = Recovered()
        try lockNames(connection, forRemoval: true)
        var folders: Set<ExactName> = []
        for (_, intent) in try session.intents() {
            try settle(intent, connection, &result)
            folders.formUnion(intent.folders.lazy.map { ExactName($0) })
            result.intents += 1
            KillPoint.pass()
        }
        // Those below come after those above. While nobody gives names, nobody needs one that is empty.
        for folder in folders.sorted(by: >) {
            JournalFiles.removeEmptyFolder(try localPath(try ObjectPath(folder.text)))
            KillPoint.pass()
        }
        return result
    }

    /// Carries out or undoes one intent.
    func settle(_ intent: JournalIntent, _ connection: any DatabaseConnection, _ result: inout Recovered) throws {
        switch intent.content {
        case .write(let files):
            for chunk in files.pieces(of: 1000) {
                let paths = try chunk.map { try ObjectPath($0.path) }
                var recorded = try recorded(paths, intent, connection)
                let elsewhere = try recordedElsewhere(chunk.map(\.path), among: neighbours, connection)
                recorded.formUnion(try elsewhere.map { try ObjectPath($0.text) })
                for (file, path) in zip(chunk, paths) {
                    try settle(file, at: path, isRecorded: recorded.contains(path), &result)
                }
            }
        case .upload(let objects):
            for chunk in objects.pieces(of: 1000) {
                let paths = try chunk.map { try ObjectPath($0.path) }
                try settle(chunk, recorded: try recorded(paths, intent, connection), &result)
            }
        case .keep(let piece): try settle(keptPiece: piece, twins: try twins(), connection)
        case .delete(let ids):
            let twins = try twins()
            for chunk in ids.pieces(of: Self.trashChunk) {
                let piece = TrashPiece(ids: chunk, isForgotten: intent.forgets)
                for datastore in [self] + twins { result.emptied.add(try datastore.emptyTrash(piece, connection)) }
            }
            // Files that cannot be deleted now are tried again by whoever empties the trash.
        }
    }

    /// Those of the files of an intent that are recorded. A new one is not, if all there is waits in the trash.
    private func recorded(
        _ paths: [ObjectPath], _ intent: JournalIntent, _ connection: any DatabaseConnection
    ) throws -> Set<ObjectPath> {
        let recorded = try table.recordedFiles(paths, connection)
        if intent.forgets || recorded.isEmpty { return recorded }
        let waiting = try recordedFiles(byUse: recorded.map(\.description), connection).waiting
        return recorded.subtracting(try waiting.map { try ObjectPath($0.text) })
    }

    /// The others of the chain that have the same root.
    private func twins() throws -> [FileDatastore] {
        guard let root = try existingRoot() else { return [] }
        return try neighbours.filter { try $0.existingRoot() == root }
    }

    private func settle(
        _ file: JournalIntent.NewFile, at path: ObjectPath, isRecorded: Bool, _ result: inout Recovered
    ) throws {
        let target = try localPath(path)
        // Another file of this name belongs to somebody else, and so does its record.
        guard FileIdentity(of: target) == file.identity else { return }
        if isRecorded {
            result.recorded += 1
            guard let source = file.source else { return }
            try StagedArtifacts.remove(source)
            result.sources += 1
        } else {
            try JournalFiles.remove(target)
            result.files += 1
        }
        KillPoint.pass()
    }

    /// What was found and done.
    public struct Recovered: Sendable {
        public var intents = 0
        /// Files that were there with their records.
        public var recorded = 0
        /// Files without record that were removed.
        public var files = 0
        /// Sources of moves that were removed.
        public var sources = 0
        public var emptied = Emptied()

        public init() {}

        public mutating func add(_ other: Recovered) {
            intents += other.intents
            recorded += other.recorded
            files += other.files
            sources += other.sources
            emptied.add(other.emptied)
        }
    }

    /// Removes the folder of a session whose intents were carried out and committed. Blocks.
    public func dismiss(_ session: AbandonedSession) throws {
        try session.remove()
        KillPoint.pass()
    }
}

extension FileRecordsTable {
    /// Which of the files have a record, be it of the file or, by a fragment, of something in it, such as a member of an
    /// archive.
    func recordedFiles(_ paths: [ObjectPath], _ connection: any DatabaseConnection) throws -> Set<ObjectPath> {
        var found = Set(try recorded(paths.map(\.description), connection).map { try ObjectPath($0.text) })
        guard try connection.tableExists(specification.name) else { return found }
        for path in try paths.filter({ !found.contains($0) }).pieces(of: 100).flatMap({ try marked($0, connection) }) {
            let cursor = try connection.cursor(
                """
                SELECT \(column: "path") FROM \(table: specification) \
                WHERE \(SQL.hasPrefix("\(column: "path")", path.description + "#"))
                """)
            defer { cursor.finish() }
            // In the name of a folder the mark begins no fragment.
            while try cursor.step() {
                guard ArtifactLocation.belowRoot(try cursor.row.text(0))?.path == path else { continue }
                found.insert(path)
                break
            }
        }
        return found
    }

    /// Those of the files whose name and the mark of a fragment begin a recorded path. One question for all of them.
    private func marked(_ paths: [ObjectPath], _ connection: any DatabaseConnection) throws -> [ObjectPath] {
        let questions = paths.indices.map { number -> SQL in
            """
            SELECT \(value: .int(Int64(number))) WHERE EXISTS (SELECT 1 FROM \(table: specification) \
            WHERE \(SQL.hasPrefix("\(column: "path")", paths[number].description + "#")))
            """
        }
        return try connection.fetchAll(questions.joined(separator: " UNION ALL ")) { paths[Int(try $0.int(0))] }
    }
}
