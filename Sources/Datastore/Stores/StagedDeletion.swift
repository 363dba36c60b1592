import ButlerModel
import Database
import Foundation
import ObjectStorage
import Synchronization

/// The deletion of the files of datasets: decided in a transaction, carried out after it.
///
/// The course is: in the registry transaction that forgets the datasets, ``remove(_:isForgotten:_:)`` for all of them;
/// after it, each of ``pieces`` with ``empty(_:_:)`` in a transaction of its own and ``finish(_:)``. A process that dies on
/// the way leaves intents, and the next writer goes on. All methods block. Memory: one piece.
public struct StagedDeletion: Sendable {
    private let datastores: [FileDatastore]
    private let memories: [InMemoryDatastore]
    private let intents = Intents()

    private final class Intents: Sendable {
        let pieces = Mutex<[Piece]>([])
        /// Datasets that go from memory.
        let held = Mutex<[DatasetID]>([])
    }

    /// Some of the datasets, in one datastore.
    public struct Piece: Sendable {
        let datastore: FileDatastore
        let intent: String
    }

    private let keepsFiles: Bool

    /// - Parameter keepsFiles: whether all ends with the trash, so that there are no pieces.
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
        for piece in ids.pieces(of: FileDatastore.trashChunk) {
            for datastore in datastores {
                let held = try datastore.locations.held(piece, connection)
                guard !held.isEmpty else { continue }
                if keepsFiles {
                    try datastore.keepInTrash(held, isForgotten: isForgotten)
                } else {
                    try declare(held, isForgotten: isForgotten, in: datastore)
                }
                if isForgotten, !keepsFiles, held.count >= JournalSession.flushedCount {
                    try datastore.letGo(held, connection)
                } else {
                    try datastore.moveToTrash(held, connection)
                }
            }
        }
    }

    /// Forgets the datasets in the memory of this process, after the transaction that moved them.
    public func clearMemory() {
        let ids = intents.held.withLock { $0 }
        for datastore in memories { datastore.remove(ids) }
    }

    /// Calls `body` with datasets that were put into the trash of a datastore to wait there, in pieces, the oldest first, and
    /// whether the registry was to forget them; then forgets since when they are there.
    /// - Parameter date: those put there later go on waiting.
    public static func visitWaiting(
        in datastore: FileDatastore, until date: Date,
        _ body: (_ ids: [DatasetID], _ isForgotten: Bool) async throws -> Void
    ) async throws {
        let pool = StagedArtifacts.pool
        for piece in try await pool.run({ try datastore.waitingTrash() }) where piece.since <= date {
            let intent = try await pool.run { try datastore.intent(at: piece.path) }
            if case .delete(let ids) = intent.content { try await body(ids, intent.forgets) }
            try await pool.run { try datastore.forgetTrash(piece) }
        }
    }

    /// Writes down that datasets which are in the trash of a datastore are about to be deleted.
    ///
    /// - Parameter isForgotten: whether the registry was to forget them.
    public func declare(_ ids: [DatasetID], isForgotten: Bool = false, in datastore: FileDatastore) throws {
        let path = try datastore.record(JournalIntent(.delete(ids), forgets: isForgotten))
        intents.pieces.withLock { $0.append(Piece(datastore: datastore, intent: path)) }
        KillPoint.pass()
    }

    public var pieces: [Piece] { intents.pieces.withLock { $0 } }

    /// Deletes the files of a piece, its records and its places in the trash.
    public func empty(_ piece: Piece, _ connection: any DatabaseConnection) throws -> FileDatastore.Emptied {
        let intent = try piece.datastore.intent(at: piece.intent)
        guard case .delete(let ids) = intent.content else { return FileDatastore.Emptied() }
        return try piece.datastore.emptyTrash(ids, isForgotten: intent.forgets, connection)
    }

    /// Forgets the intent of a piece.
    public func finish(_ piece: Piece) throws {
        try piece.datastore.forgetIntent(piece.intent)
        KillPoint.pass()
    }
}
