import ButlerModel
import ByteText
import Database
import ObjectStorage
import Synchronization

/// What waits in the trash of datasets that one operation stores anew.
///
/// The course is: in the registry transaction, before the registry gets to know the datasets, ``take(_:_:)``; after it,
/// committed or not, ``settle(_:)`` in another one. A process that dies between leaves intents, from which the next writer
/// does the same: files of which there is no record any more go. All methods block.
public final class SupersededFiles: Sendable {
    private struct Intent {
        let datastore: FileDatastore
        let path: String
    }

    private let intents = Mutex<[Intent]>([])

    public init() {}

    public var isEmpty: Bool { intents.withLock { $0.isEmpty } }

    /// Takes datasets that are to be stored out of the trash, with their records. Files of which no other dataset has a
    /// record will go.
    public func take(_ artifacts: StagedArtifacts, _ connection: any DatabaseConnection) throws {
        for datastore in artifacts.datastores {
            let files = artifacts.files.filter { $0.datastore === datastore }
            let rows = files.lazy.flatMap(\.rows)
            var all: [DatasetID] = []
            all.reserveCapacity(files.count)
            for file in files { for index in file.rows.indices { all.append(file.rows[index].id) } }
            for ids in all.pieces(of: 10_000) {
                let waiting = try datastore.waiting(ids, connection)
                guard !waiting.isEmpty else { continue }
                try datastore.lockNames(connection, forRemoval: false)
                try take(
                    Array(waiting), in: datastore, keeping: Set(names: rows.map { FileDatastore.file($0.info.path) }), connection)
            }
        }
    }

    private func take(
        _ ids: [DatasetID], in datastore: FileDatastore, keeping new: Set<ExactName>, _ connection: any DatabaseConnection
    ) throws {
        let recorded = Set(names: try datastore.table.records(of: ids, connection).values.flatMap { $0.map(\.path) })
        let shared = try datastore.shared(recorded, apartFrom: Set(ids), connection)
        var paths: Set<ObjectPath> = []
        for path in recorded.subtracting(shared).map(\.text) where !new.contains(FileDatastore.file(path)) {
            if let object = ArtifactLocation.belowRoot(path)?.path { paths.insert(object) }
        }
        if let content = try datastore.description(of: paths.sorted()) {
            let path = try datastore.record(JournalIntent(content, forgets: true))
            intents.withLock { $0.append(Intent(datastore: datastore, path: path)) }
            KillPoint.pass()
        }
        try datastore.table.delete(ids, connection)
        try datastore.trash.delete(ids, connection)
        KillPoint.pass()
    }

    /// Removes the files that are recorded no more.
    public func settle(_ connection: any DatabaseConnection) throws {
        while let intent = intents.withLock({ $0.popLast() }) {
            var result = FileDatastore.Recovered()
            try intent.datastore.lockNames(connection, forRemoval: true)
            try intent.datastore.settle(try intent.datastore.intent(at: intent.path), connection, &result)
            try intent.datastore.forgetIntent(intent.path)
            KillPoint.pass()
        }
    }
}

extension FileDatastore {
    /// The intent under which files go unless they are recorded; `nil` when none of them is there.
    fileprivate func description(of paths: [ObjectPath]) throws -> JournalIntent.Content? {
        guard let remote else {
            let files = try paths.compactMap { path in
                FileIdentity(of: try localPath(path)).map {
                    JournalIntent.NewFile(path: path.description, identity: $0)
                }
            }
            return files.isEmpty ? nil : .write(files)
        }
        let digests = try BlockingCall.wait { try await inParallel(paths) { try await remote.digest(of: $0) } }
        let objects = zip(paths, digests).compactMap { path, digest in
            digest.map { JournalIntent.NewObject(path: path.description, digest: $0) }
        }
        return objects.isEmpty ? nil : .upload(objects)
    }
}
