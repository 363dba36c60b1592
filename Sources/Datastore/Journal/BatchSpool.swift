import ButlerModel
import ByteText
import ObjectStorage
import Synchronization

/// Batches of datasets and their staged files, of which one is in memory and the others in a file of the session.
///
/// So an operation on any number of files takes the memory of a batch, and can still be one transaction. The file says
/// nothing to others: what recovery needs is in the intents. All methods block; batches are added before they are read.
public final class BatchSpool: Sendable {
    /// The files or datasets that make a batch.
    public static let batchSize = 5000

    public struct Batch: Sendable {
        /// With the values of required dimensions.
        public let refs: [DatasetRef]
        public let artifacts: StagedArtifacts
    }

    private struct State {
        /// The last batch that was added or read.
        var held: (number: Int, batch: Batch)?
        var places: [Place] = []
        var words = PackedWords()
        var file: SpoolFile?
    }

    /// Where a batch is, and the intents about it.
    private struct Place {
        var range: Range<Int64>?
        let intents: [StagedArtifacts.Intent]
    }

    private let datastores: [FileDatastore]
    private let state = Mutex(State())
    private let published = Mutex(Published())
    private let flushes = FolderFlushes()

    /// What came of giving names to files. Apart from the rest, as a batch is read while the files of another get theirs.
    private struct Published {
        /// Folders that files needed.
        var folders: [String] = []
        /// Batches whose files have their names.
        var whole: Set<Int> = []
        /// Those of them of whose staging nothing but the intents is left.
        var settled: Set<Int> = []
        /// The batch of which some files have their names, as that failed.
        var failed: (number: Int, batch: Batch)?
    }

    public init(in datastore: any Datastore) { datastores = datastore.files }

    public var count: Int { state.withLock { $0.places.count } }

    // MARK: Adding

    /// - Parameter artifacts: files, none in memory, whose intents are written.
    public func add(_ refs: [DatasetRef], _ artifacts: StagedArtifacts) throws {
        try state.withLock { state in
            if let (number, batch) = state.held, state.places[number].range == nil {
                state.places[number].range = try keep(batch, &state)
            }
            state.places.append(Place(range: nil, intents: artifacts.declared))
            state.held = (state.places.count - 1, Batch(refs: refs, artifacts: artifacts))
        }
    }

    private func keep(_ batch: Batch, _ state: inout State) throws -> Range<Int64> {
        var writer = PackedWriter()
        state.words.write(batch, datastores, &writer)
        let file = try state.file ?? open()
        state.file = file
        return try file.append(writer.bytes)
    }

    private func open() throws -> SpoolFile {
        guard let datastore = datastores.first(where: \.isLocal) ?? datastores.first else { return try .nameless() }
        return try SpoolFile(at: datastore.stagingRoot() + "/" + datastore.session().newPath().description)
    }

    // MARK: Reading

    /// The batch that was added as the `number`-th, counted from 0.
    public func batch(_ number: Int) throws -> Batch {
        let isWhole = published.withLock { $0.whole.contains(number) }
        if let failed = published.withLock({ $0.failed }), failed.number == number { return failed.batch }
        return try state.withLock { state in
            if let held = state.held, held.number == number { return held.batch }
            let place = state.places[number]
            guard let range = place.range, let file = state.file else {
                throw ObjectStorageError.notFound(path: "batch \(number)")
            }
            // The one that is let go must be on the disk too.
            if let (other, batch) = state.held, state.places[other].range == nil {
                state.places[other].range = try keep(batch, &state)
            }
            state.held = nil
            do {
                var reader = PackedReader(file.read(range))
                let batch = try state.words.read(
                    &reader, datastores, intents: place.intents, arePublished: isWhole)
                state.held = (number, batch)
                return batch
            } catch is PackedReader.Damage {
                throw ObjectStorageError.changedWhileReading(path: file.path)
            }
        }
    }

    /// Calls `body` with each batch and its number, in order. Meanwhile the next one is read, on a thread of its own.
    public func each(_ body: (Int, Batch) throws -> Void) throws {
        let reading = StepOnThread(label: "butler.spool")
        let next = Mutex<Batch?>(nil)
        try reading.around {
            for number in 0..<count {
                try reading.finish()
                let batch = try next.withLock({ $0.take() }) ?? batch(number)
                if number + 1 < count {
                    try reading.next {
                        let batch = try self.batch(number + 1)
                        next.withLock { $0 = batch }
                    }
                }
                try body(number, batch)
            }
        }
    }

    /// Gives the files of a batch, the `number`-th, their names, as ``StagedArtifacts/publish()``; to have them on the disk
    /// takes ``flushNames()`` after the last.
    /// - Throws: as that; ``DatastoreError/ambiguousTarget(path:datasets:)`` when a file of a batch before has the name.
    public func publish(_ number: Int, _ batch: Batch) throws {
        do {
            try batch.artifacts.publish(flushing: flushes) { folder in published.withLock { $0.folders.append(folder) } }
        } catch {
            published.withLock { $0.failed = (number, batch) }
            guard case ObjectStorageError.alreadyExists(let path) = error else { throw error }
            let own = try batch.artifacts.owners(of: path)
            for other in 0..<number {
                let owners = try self.batch(other).artifacts.owners(of: path)
                guard !owners.isEmpty else { continue }
                throw DatastoreError.ambiguousTarget(path: path, datasets: (owners + own).map(\.description))
            }
            throw error
        }
        published.withLock { published in
            published.whole.insert(number)
            if batch.artifacts.isSettled { published.settled.insert(number) }
        }
    }

    /// Waits until all names are on the disk.
    public func flushNames() throws { try flushes.flush() }

    /// Tidies up after a batch whose records are committed: ``StagedArtifacts/finish()``.
    public func finish(_ number: Int) throws {
        let place = state.withLock { $0.places[number] }
        let artifacts =
            published.withLock { $0.settled.contains(number) }
            ? StagedArtifacts(files: [], intents: place.intents) : try batch(number).artifacts
        try artifacts.finish()
    }

    /// Removes those of the folders that were made for files in which nothing is. Of the files none may be there any more.
    public func removeFolders() {
        // Those below come after those above.
        for folder in published.withLock({ $0.folders }).sorted(by: >) { JournalFiles.removeEmptyFolder(folder) }
    }

    /// Removes the file, and forgets the batches.
    public func remove() throws {
        try state.withLock { state in
            state.places = []
            state.held = nil
            guard let file = state.file else { return }
            state.file = nil
            try JournalFiles.remove(file.path)
        }
    }
}

extension PackedWords {
    fileprivate mutating func write(_ batch: BatchSpool.Batch, _ datastores: [FileDatastore], _ writer: inout PackedWriter) {
        writer.write(batch.refs.count)
        for ref in batch.refs { write(ref, &writer) }
        writer.write(batch.artifacts.files.count)
        for file in batch.artifacts.files {
            writer.write(datastores.firstIndex { $0 === file.datastore } ?? 0)
            writer.write(file.rows.count)
            for row in file.rows {
                writer.write(row.id)
                write(row.info, &writer)
            }
            writer.write(file.placement != nil)
            if let placement = file.placement {
                switch placement.staged {
                case .made(let path):
                    writer.write(false)
                    writer.write(path.description)
                case .linked(let source, let identity):
                    writer.write(true)
                    writer.write(source)
                    writer.write(identity)
                }
                writer.write(placement.target.description)
                writer.write(placement.isWritten)
            }
            writer.write(file.source != nil)
            if let source = file.source {
                writer.write(source.path)
                writer.write(source.identity)
            }
        }
    }

    fileprivate func read(
        _ reader: inout PackedReader, _ datastores: [FileDatastore], intents: [StagedArtifacts.Intent],
        arePublished: Bool
    ) throws -> BatchSpool.Batch {
        var refs: [DatasetRef] = []
        for _ in 0..<(try reader.int()) {
            refs.append(try ref(&reader))
        }
        var files: [StagedFile] = []
        for _ in 0..<(try reader.int()) {
            let datastore = datastores[try reader.int()]
            var rows: [StagedFile.Row] = []
            for _ in 0..<(try reader.int()) {
                let id = try reader.id()
                rows.append(.init(id: id, info: try info(&reader)))
            }
            var placement: StagedFile.Placement?
            if try reader.flag() {
                let isLinked = try reader.flag()
                let staged = try reader.text()
                placement = .init(
                    staged: isLinked ? .linked(staged, try reader.identity()) : .made(try ObjectPath(staged)),
                    target: try ObjectPath(try reader.text()), isWritten: try reader.flag())
            }
            var source: JournalIntent.MovedSource?
            if try reader.flag() { source = .init(path: try reader.text(), identity: try reader.identity()) }
            files.append(StagedFile(datastore: datastore, rows: rows, placement: placement, source: source))
        }
        return BatchSpool.Batch(
            refs: refs, artifacts: StagedArtifacts(files: files, intents: intents, isPublished: arePublished))
    }
}
