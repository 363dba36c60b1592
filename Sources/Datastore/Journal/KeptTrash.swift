import ByteText
import ButlerModel
import Foundation
import ObjectStorage

/// Deletions that wait: which datasets were put into the trash when, for whoever empties it by age.
///
/// `<root>/.steward/trash/` holds one file for each piece of a deletion, named `<Unix milliseconds>-<UUID>.intent`. The
/// trash table of the database says what is in the trash; these files say since when, and no more. All methods block.
struct KeptTrash: Sendable {
    static let folderName = "trash"

    let root: String

    private var directory: String { root + "/" + JournalSession.folderName + "/" + Self.folderName }

    /// A piece of a deletion.
    struct Piece: Sendable {
        let path: String
        let since: Date
    }

    /// A name for a piece.
    static func newName(at date: Date = Date()) -> String {
        "\(Int64(date.timeIntervalSince1970 * 1000))-\(UUID().uuidString.lowercased())\(JournalSession.intentSuffix)"
    }

    /// Writes down that datasets are about to be put into the trash.
    func add(_ ids: [DatasetID], isForgotten: Bool = false, named name: String = newName()) throws {
        let path = directory + "/" + name
        let draft = path + ".draft"
        // Another may remove the folder while it is empty.
        for attempt in 1...3 {
            do {
                try JournalFiles.makeFolder(directory)
                for folder in [root + "/" + JournalSession.folderName, directory] {
                    JournalFiles.share(folder, like: root)
                }
                try LocalFile.create(draft, JournalIntent(.delete(ids), forgets: isForgotten).text)
                break
            } catch ObjectStorageError.notFound where attempt < 3 { continue }
        }
        JournalFiles.share(draft, like: root)
        try JournalFiles.flush([draft], below: root)
        guard rename(draft, path) == 0 else { throw JournalFiles.failure(path, "write") }
        try JournalFiles.flushFolder(directory)
        KillPoint.pass()
    }

    /// The oldest first.
    func pieces() throws -> [Piece] {
        try (JournalFiles.names(in: directory) ?? []).compactMap(piece(named:)).sorted { $0.since < $1.since }
    }

    /// The piece of a name; `nil` for another name.
    func piece(named name: String) -> Piece? {
        guard name.hasSuffix(JournalSession.intentSuffix), let dash = name.firstIndex(of: "-"),
            let milliseconds = Int64(name[..<dash])
        else { return nil }
        return Piece(path: directory + "/" + name, since: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
    }

    /// Moves a piece that cannot be read to where damaged intents are.
    /// - Returns: what was wrong, and where it is.
    func setAside(_ piece: Piece, _ reason: String) throws -> String {
        try AbandonedSession.setAside(
            piece.path, as: "trash-" + piece.path.nameInPath, in: root + "/" + JournalSession.folderName, reason)
    }

    /// Forgets a piece whose datasets are not in the trash any more, and the folders that are empty then.
    func remove(_ piece: Piece) throws {
        try JournalFiles.remove(piece.path)
        KillPoint.pass()
        guard rmdir(directory) == 0 else { return }
        let folder = root + "/" + JournalSession.folderName
        guard let door = try FileLock.wait(folder + "/" + JournalSession.lockName) else { return }
        try withExtendedLifetime(door) { try JournalSession.removeIfEmpty(folder) }
    }
}

extension FileDatastore {
    /// Datasets that wait in the trash, with the time since when: the latest, for one that was put there twice. What cannot
    /// be read says nothing. Memory: their identifiers.
    public func keptInTrash() throws -> [DatasetID: Date] {
        var kept: [DatasetID: Date] = [:]
        for piece in try waitingTrash() {
            do {
                for id in try ids(of: piece) { kept[id] = piece.since }
            } catch DatastoreError.malformedJournal {
                continue
            } catch ObjectStorageError.notFound {
                // Whoever emptied the trash has just forgotten it.
                continue
            }
        }
        return kept
    }
}
