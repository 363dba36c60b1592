import ButlerModel
import Database
import Foundation
import ObjectStorage
import Synchronization

/// The deletion of the files of datasets: decided in a transaction, carried out after it.
///
/// The course is: in the registry transaction that forgets the datasets, ``remove(_:isForgotten:_:)`` for all of them;
/// after it, each of ``groups`` with ``empty(_:_:)`` in transactions of their own, and ``finish(_:)`` for each piece. A
/// process that dies on the way leaves intents, and the next writer goes on. All methods block. Memory: the identifiers,
/// and two pieces.
public struct StagedDeletion: Sendable {
    private let datastores: [FileDatastore]
    private let memories: [InMemoryDatastore]
    private let intents = Intents()

    private final class Intents: Sendable {
        let pieces = Mutex<[Piece]>([])
        /// Datasets that go from memory.
        let held = Mutex<[DatasetID]>([])
        /// How many were taken out of datastores.
        let taken = Mutex(0)
    }

    /// Some of the datasets, in one datastore.
    public struct Piece: Sendable {
        let datastore: FileDatastore
        let intent: String
        /// What goes; `nil` for datasets that are to wait.
        let doomed: TrashPiece?
    }

    private let keepsFiles: Bool

    /// - Parameter keepsFiles: whether all ends with the trash.
    /// - Throws: ``DatastoreError/unsupportedLocation(uri:)`` when nothing opens the root of a datastore.
    public init(in datastore: any Datastore, keepsFiles: Bool = false) throws {
        datastores = datastore.files
        memories = datastore.memories
        self.keepsFiles = keepsFiles
        for files in datastores where !files.isLocal { _ = try files.requireRemote() }
    }

    /// Takes datasets out of each datastore that has them: into its trash, where they wait for their files to be deleted.
    ///
    /// - Parameter isForgotten: whether the transaction makes the registry forget them too. Then an intent says enough, if it
    ///   outlives a power failure, and they need not go through the trash.
    public func remove(
        _ ids: [DatasetID], isForgotten: Bool, _ connection: any DatabaseConnection
    ) throws {
        if !memories.isEmpty { intents.held.withLock { $0 += ids } }
        if isForgotten, !keepsFiles { return try forget(ids, connection) }
        for piece in ids.pieces(of: FileDatastore.trashChunk) {
            for datastore in datastores {
                let held = try datastore.locations.held(piece, connection)
                guard !held.isEmpty else { continue }
                try datastore.requirePresence(connection)
                // Whoever looks whether the transaction came waits for it.
                try datastore.lockNames(connection, forRemoval: keepsFiles)
                if keepsFiles {
                    try keep(held, isForgotten: isForgotten, in: datastore)
                } else {
                    try declare(held, isForgotten: isForgotten, in: datastore)
                }
                try datastore.moveToTrash(held, connection)
                intents.taken.withLock { $0 += held.count }
            }
        }
    }

    /// Takes datasets out of each datastore that has them, into its trash only if their intent may not outlive a power
    /// failure. Intents are written while the next piece is dealt with; what counts is that they are there before the end.
    private func forget(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws {
        for datastore in datastores {
            try datastore.requirePresence(connection)
            // Whoever looks whether the transaction came waits for it.
            try datastore.lockNames(connection, forRemoval: false)
        }
        let declaring = StepOnThread(label: "datastore.declaring")
        try declaring.around {
            for piece in ids.pieces(of: FileDatastore.trashChunk) {
                for datastore in datastores {
                    let held = try datastore.locations.take(piece, connection)
                    guard !held.isEmpty else { continue }
                    intents.taken.withLock { $0 += held.count }
                    KillPoint.pass()
                    try declaring.next { try declare(held, isForgotten: true, in: datastore) }
                    guard held.count < JournalSession.flushedCount else { continue }
                    try datastore.trash.insertUnlocated(held, connection)
                    KillPoint.pass()
                }
            }
        }
    }

    /// Whether datastores hold more of these datasets, which were all that ``remove(_:isForgotten:_:)`` was given, than it took
    /// from them. Its changes must have been undone.
    public func isAddedTo(_ ids: [DatasetID], _ connection: any DatabaseConnection) throws -> Bool {
        var count = 0
        for piece in ids.pieces(of: FileDatastore.trashChunk) {
            for datastore in datastores { count += try datastore.locations.held(piece, connection).count }
        }
        return count > intents.taken.withLock { $0 }
    }

    /// Forgets the datasets in the memory of this process, after the transaction that moved them.
    public func clearMemory() {
        let ids = intents.held.withLock { $0 }
        for datastore in memories { datastore.remove(ids) }
    }

    /// Calls `body` with datasets that were put into the trash of a datastore to wait there, in pieces, the oldest first, and
    /// whether the registry was to forget them; then forgets since when they are there. Memory: the identifiers of all that
    /// wait.
    ///
    /// - Parameters:
    ///   - date: those put there later go on waiting, also if they were there before.
    ///   - onDamage: is told of pieces that could not be read, which are moved out of the way.
    public static func visitWaiting(
        in datastore: FileDatastore, until date: Date, onDamage: (String) -> Void,
        _ body: (_ ids: [DatasetID], _ isForgotten: Bool) async throws -> Void
    ) async throws {
        let pool = StagedArtifacts.pool
        let latest = try await pool.run { try datastore.keptInTrash() }
        for piece in try await pool.run({ try datastore.waitingTrash() }) where piece.since <= date {
            let intent: JournalIntent
            do {
                intent = try await pool.run { try datastore.intent(at: piece.path) }
            } catch DatastoreError.malformedJournal(_, let reason) {
                onDamage(try await pool.run { try datastore.setAside(piece, reason) })
                continue
            } catch ObjectStorageError.notFound { continue }
            if case .delete(let ids) = intent.content {
                try await body(ids.filter { (latest[$0] ?? piece.since) <= date }, intent.forgets)
            }
            try await pool.run { try datastore.forgetTrash(piece) }
        }
    }

    /// Writes down since when datasets wait that are about to be put into the trash, and before it that this is undone if
    /// they are not.
    private func keep(_ ids: [DatasetID], isForgotten: Bool, in datastore: FileDatastore) throws {
        let name = KeptTrash.newName()
        let path = try datastore.record(JournalIntent(.keep(name)))
        intents.pieces.withLock { $0.append(Piece(datastore: datastore, intent: path, doomed: nil)) }
        KillPoint.pass()
        try datastore.keepInTrash(ids, isForgotten: isForgotten, named: name)
    }

    /// Writes down that datasets which are in the trash of a datastore are about to be deleted.
    ///
    /// - Parameter isForgotten: whether the registry was to forget them.
    public func declare(_ ids: [DatasetID], isForgotten: Bool = false, in datastore: FileDatastore) throws {
        let path = try datastore.record(JournalIntent(.delete(ids), forgets: isForgotten))
        let doomed = TrashPiece(ids: ids, isForgotten: isForgotten)
        intents.pieces.withLock { $0.append(Piece(datastore: datastore, intent: path, doomed: doomed)) }
        KillPoint.pass()
    }

    public var pieces: [Piece] { intents.pieces.withLock { $0 } }

    /// ``pieces`` in groups, each for a transaction: of some pieces on this machine, of one elsewhere, where deleting takes
    /// the time of the network.
    public var groups: [[Piece]] {
        var groups: [[Piece]] = []
        for piece in pieces {
            let last = groups.lastIndex { $0[0].datastore === piece.datastore }
            if let last, piece.datastore.isLocal, groups[last].count < Self.groupSize {
                groups[last].append(piece)
            } else {
                groups.append([piece])
            }
        }
        return groups
    }

    private static let groupSize = 20
    /// How long a transaction goes on with further pieces, while all others wait who write: file systems may be slow.
    private static let patience = Duration.seconds(3)

    /// Deletes the files of pieces of one datastore, their records and their places in the trash; or if they are to wait,
    /// forgets that they do unless they are there.
    ///
    /// - Returns: what was done, and with how many of the pieces: some seconds of work, one piece at least.
    public func empty(
        _ pieces: [Piece], _ connection: any DatabaseConnection
    ) throws -> (emptied: FileDatastore.Emptied, count: Int) {
        guard let datastore = pieces.first?.datastore else { return (FileDatastore.Emptied(), 0) }
        var result = FileDatastore.Recovered()
        for piece in pieces where piece.doomed == nil {
            try datastore.settle(try datastore.intent(at: piece.intent), connection, &result)
        }
        let doomed = pieces.compactMap(\.doomed)
        guard !doomed.isEmpty else { return (result.emptied, pieces.count) }
        let (emptied, count) = try datastore.emptyTrash(doomed, connection, within: Self.patience)
        result.emptied.add(emptied)
        return (result.emptied, pieces.count - doomed.count + count)
    }

    /// Forgets the intent of a piece.
    public func finish(_ piece: Piece) throws {
        try piece.datastore.forgetIntent(piece.intent)
        KillPoint.pass()
    }
}
