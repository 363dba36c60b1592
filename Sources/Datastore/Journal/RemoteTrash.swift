import ButlerModel
import Foundation
import ObjectStorage

/// Deletions that wait, as in ``KeptTrash``, at a root on another machine: objects
/// `.steward/trash-<Unix milliseconds>-<UUID>.intent`. All methods block.
struct RemoteTrash: Sendable {
    private static let prefix = "trash-"
    let store: any ObjectStore

    func add(_ ids: [DatasetID], isForgotten: Bool = false, at date: Date = Date()) throws {
        let name = "\(Self.prefix)\(Int64(date.timeIntervalSince1970 * 1000))-\(UUID().uuidString.lowercased())"
        let path = try ObjectPath("\(JournalSession.folderName)/\(name)\(JournalSession.intentSuffix)")
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
            guard name.hasPrefix(Self.prefix), name.hasSuffix(JournalSession.intentSuffix),
                let milliseconds = Int64(name.dropFirst(Self.prefix.count).prefix { $0 != "-" })
            else { return nil }
            return KeptTrash.Piece(
                path: path.description, since: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
        }.sorted { $0.since < $1.since }
    }

    func remove(_ piece: KeptTrash.Piece) throws {
        let (store, path) = (store, try ObjectPath(piece.path))
        try BlockingCall.wait { try await store.delete(path) }
        KillPoint.pass()
    }
}

extension FileDatastore {
    /// Writes down that datasets are about to be put into the trash, to wait there.
    func keepInTrash(_ ids: [DatasetID], isForgotten: Bool) throws {
        if isLocal {
            try KeptTrash(root: try rootPath()).add(ids, isForgotten: isForgotten)
        } else {
            try RemoteTrash(store: try requireRemote()).add(ids, isForgotten: isForgotten)
        }
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
