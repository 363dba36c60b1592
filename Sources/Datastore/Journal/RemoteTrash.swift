import ButlerModel
import Database
import Foundation
import ObjectStorage

/// Deletions that wait, as in ``KeptTrash``, at a root on another machine: objects
/// `.steward/trash-<Unix milliseconds>-<UUID>.intent`. All methods block.
struct RemoteTrash: Sendable {
    private static let prefix = "trash-"
    let store: any ObjectStore

    func add(_ ids: [DatasetID], isForgotten: Bool, named name: String) throws {
        let path = try ObjectPath("\(JournalSession.folderName)/\(Self.prefix)\(name)")
        let store = store
        try BlockingCall.wait {
            try await store.write(path, bytes: JournalIntent(.delete(ids), forgets: isForgotten).text, mode: .createOnly)
        }
        KillPoint.pass()
    }

    /// The oldest first; none where objects cannot be listed.
    func pieces() throws -> [KeptTrash.Piece] {
        let store = store
        let paths = try BlockingCall.wait { () async throws -> [ObjectPath] in
            var paths: [ObjectPath] = []
            do {
                for try await page in try await store.list(try ObjectPath(JournalSession.folderName)) {
                    paths += page.map(\.path)
                }
            } catch ObjectStorageError.unsupported { return [] }
            return paths
        }
        return paths.compactMap { path -> KeptTrash.Piece? in
            let name = path.basename
            return name.hasPrefix(Self.prefix) ? piece(named: String(name.dropFirst(Self.prefix.count))) : nil
        }.sorted { $0.since < $1.since }
    }

    /// The piece of a name; `nil` for another name.
    func piece(named name: String) -> KeptTrash.Piece? {
        guard name.hasSuffix(JournalSession.intentSuffix), let milliseconds = Int64(name.prefix { $0 != "-" }) else {
            return nil
        }
        return KeptTrash.Piece(
            path: "\(JournalSession.folderName)/\(Self.prefix)\(name)",
            since: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
    }

    /// Moves a piece that cannot be read to where damaged intents are.
    /// - Returns: what was wrong, and where it is.
    func setAside(_ piece: KeptTrash.Piece, _ reason: String) throws -> String {
        try AbandonedRemoteSession.setAside(try ObjectPath(piece.path), reason, store)
    }

    func remove(_ piece: KeptTrash.Piece) throws {
        let (store, path) = (store, try ObjectPath(piece.path))
        try BlockingCall.wait { try await store.delete(path) }
        KillPoint.pass()
    }
}

extension FileDatastore {
    /// Writes down that datasets are about to be put into the trash, to wait there.
    func keepInTrash(_ ids: [DatasetID], isForgotten: Bool, named name: String) throws {
        if isLocal {
            try KeptTrash(root: try rootPath()).add(ids, isForgotten: isForgotten, named: name)
        } else {
            try RemoteTrash(store: try requireRemote()).add(ids, isForgotten: isForgotten, named: name)
        }
    }

    /// Forgets a piece of what waits in the trash if none of its datasets is there, because the transaction that was to put
    /// them there did not come. Datastores of a chain with one root have one such folder.
    func settle(keptPiece name: String, twins: [FileDatastore], _ connection: any DatabaseConnection) throws {
        let piece =
            isLocal
            ? KeptTrash(root: try rootPath()).piece(named: name) : RemoteTrash(store: try requireRemote()).piece(named: name)
        guard let piece else { return }
        let ids: [DatasetID]
        do {
            ids = try self.ids(of: piece)
        } catch ObjectStorageError.notFound {
            // It was never written.
            return
        } catch DatastoreError.malformedJournal {
            // Whoever empties the trash sets it aside.
            return
        }
        let isInUse = try ([self] + twins).contains { try !$0.trash.ids(among: ids, connection).isEmpty }
        if !isInUse { try forgetTrash(piece) }
    }

    /// Moves a piece that cannot be read out of the way.
    /// - Returns: what was wrong, and where it is.
    func setAside(_ piece: KeptTrash.Piece, _ reason: String) throws -> String {
        isLocal
            ? try KeptTrash(root: try rootPath()).setAside(piece, reason)
            : try RemoteTrash(store: try requireRemote()).setAside(piece, reason)
    }

    /// What waits in the trash, the oldest first.
    func waitingTrash() throws -> [KeptTrash.Piece] {
        isLocal ? try KeptTrash(root: try rootPath()).pieces() : try RemoteTrash(store: try requireRemote()).pieces()
    }

    func ids(of piece: KeptTrash.Piece) throws -> [DatasetID] {
        guard case .delete(let ids) = try intent(at: piece.path).content else { return [] }
        return ids
    }

    func forgetTrash(_ piece: KeptTrash.Piece) throws {
        if isLocal {
            try KeptTrash(root: try rootPath()).remove(piece)
        } else {
            try RemoteTrash(store: try requireRemote()).remove(piece)
        }
    }
}
