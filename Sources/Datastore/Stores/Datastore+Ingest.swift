import ButlerModel
import ByteText
import Database
import ObjectStorage
import RepositoryConfiguration

/// Bringing files into a datastore of any number of parts.
extension Datastore {
    /// Stages files for all parts of the datastore that accept them, several at a time.
    ///
    /// Whoever calls this must end it as ``StagedArtifacts`` says.
    /// - Parameters:
    ///   - transfer: with `auto`, what that means follows from these files.
    ///   - recordsAttributes: whether sizes and, as configured, checksums are recorded.
    ///   - jobs: the most files that are worked on at the same time.
    /// - Throws: ``DatastoreError``, `ObjectStorageError`. Nothing stays behind then.
    public func stage(
        _ files: [FileDatastore.IncomingFile], transfer: ArtifactTransfer, recordsAttributes: Bool, jobs: Int
    ) async throws -> StagedArtifacts {
        let transfers =
            transfer == .auto ? try automaticTransfer(of: files.lazy.map { ($0.location, $0.refs) }) : .all(transfer)
        return try await stage(files, transfers: transfers, recordsAttributes: recordsAttributes, jobs: jobs)
    }

    /// Stages files for all parts of the datastore that accept them, several at a time.
    ///
    /// Whoever calls this must end it as ``StagedArtifacts`` says.
    /// - Parameters:
    ///   - recordsAttributes: whether sizes and, as configured, checksums are recorded.
    ///   - jobs: the most files that are worked on at the same time.
    /// - Throws: ``DatastoreError``, `ObjectStorageError`. Nothing stays behind then.
    public func stage(
        _ files: [FileDatastore.IncomingFile], transfers: FileTransfers, recordsAttributes: Bool, jobs: Int
    ) async throws -> StagedArtifacts {
        let works = try stagings(files, transfers)
        let folders = ResolvedFolder()
        return try await Self.stage(works.count, jobs: jobs) { index in
            let work = works[index]
            return try work.datastore.stage(
                work.file, transfer: work.transfer, recordsAttributes: recordsAttributes,
                removesSource: work.removesSource, folders)
        }
    }

    /// Stages files whose records are known.
    ///
    /// - Parameters:
    ///   - files: with the absolute location of each, and the records that it is to have.
    ///   - transfer: `auto` links where links can be, and else copies.
    public func stage(
        recorded files: [(source: ResourceURI, rows: [(ref: DatasetRef, info: StoredFileInfo)])],
        transfer: ArtifactTransfer, jobs: Int
    ) async throws -> StagedArtifacts {
        let works = try recordedStagings(files)
        let folders = ResolvedFolder()
        return try await Self.stage(works.count, jobs: jobs) { index in
            let work = works[index]
            return try work.datastore.stage(
                try work.datastore.place(work.source), work.rows, transfer: work.transfer(transfer), attributes: .given,
                removesSource: true, folders)
        }
    }

    /// Which part of the datastore takes each file whose records are known.
    func recordedStagings(
        _ files: [(source: ResourceURI, rows: [(ref: DatasetRef, info: StoredFileInfo)])]
    ) throws -> [RecordedStaging] {
        try files.compactMap { source, rows in
            guard let first = rows.first else { return nil }
            guard let datastore = accepting(LookupSubject(first.ref)).first else {
                throw DatastoreError.rejected(dataset: first.ref.description, datastore: name)
            }
            return RecordedStaging(
                datastore: datastore, source: source, rows: rows.map { .init(id: $0.ref.id, info: $0.info) })
        }
    }

    func stagings(
        _ files: [FileDatastore.IncomingFile], _ transfers: FileTransfers
    ) throws -> [Staging] {
        var works: [Staging] = []
        works.reserveCapacity(files.count)
        // Files that follow one another are mostly of one type.
        var last: (type: DatasetType, instrument: DataIDValue?, receivers: [FileDatastore])?
        for file in files {
            let type = file.refs.first?.datasetType
            let instrument = file.refs.first?.dataID["instrument"]
            let receivers: [FileDatastore]
            if let last, last.type == type, last.instrument == instrument {
                receivers = last.receivers
            } else {
                receivers = try self.receivers(file.location, file.refs)
                last = type.map { ($0, instrument, receivers) }
            }
            for (index, datastore) in receivers.enumerated() {
                let transfer =
                    switch transfers {
                    case .all(let transfer): transfer
                    case .byPlace(let inside, let outside):
                        try datastore.contains(file.location) ? inside : datastore.possible(outside, file.location)
                    }
                works.append(
                    Staging(datastore: datastore, file: file, transfer: transfer, removesSource: index == 0))
            }
        }
        return works
    }

    /// The file datastores that a file goes to.
    private func receivers(_ location: ResourceURI, _ refs: [DatasetRef]) throws -> [FileDatastore] {
        guard let first = refs.first else {
            throw DatastoreError.notIngestible(location: location.description, reason: "it has no dataset")
        }
        let accepting = accepting(LookupSubject(first))
        guard !accepting.isEmpty else {
            throw DatastoreError.rejected(dataset: first.description, datastore: name)
        }
        return accepting
    }

    /// What `auto` means for files: those below the root of the datastore stay in place, others are linked; when there are
    /// some of each, those outside are recorded where they are.
    public func automaticTransfer(
        of files: some Sequence<(ResourceURI, [DatasetRef])>
    ) throws -> FileTransfers {
        var places = FilePlaces()
        try add(files, to: &places)
        return places.transfers
    }

    /// Looks on which sides of the root more files are, unless there are some on each already.
    public func add(_ files: some Sequence<(ResourceURI, [DatasetRef])>, to places: inout FilePlaces) throws {
        for (location, refs) in files where !places.isMixed {
            try places.add(location, in: try receivers(location, refs))
        }
    }

    /// The same for files of datasets that all go to where the first goes.
    ///
    /// - Parameter visit: calls its argument for each location, for as long as that answers that more would tell more.
    public func automaticTransfer(
        of first: [DatasetRef], _ visit: ((ResourceURI) throws -> Bool) throws -> Void
    ) throws -> FileTransfers {
        var places = FilePlaces()
        try visit { location in
            try places.add(location, in: try receivers(location, first))
            return !places.isMixed
        }
        return places.transfers
    }

    /// Runs `body`, which blocks, for each of so many files; when one fails, the others' are discarded.
    private static func stage(
        _ count: Int, jobs: Int, _ body: @escaping @Sendable (Int) throws -> StagedFile
    ) async throws -> StagedArtifacts {
        let (staged, failure) = await StagedArtifacts.pool.each(count, jobs: jobs, body)
        let artifacts = StagedArtifacts(files: staged.compactMap { $0 })
        if let failure {
            try await artifacts.discard()
            throw failure
        }
        try artifacts.checkTargets()
        return artifacts
    }
}

/// How many files come into a datastore.
public enum FileTransfers: Sendable {
    /// All in one way, which is not `auto`.
    case all(ArtifactTransfer)
    /// By whether they are below its root.
    case byPlace(inside: ArtifactTransfer, outside: ArtifactTransfer)
}

/// On which sides of a root files are.
public struct FilePlaces: Sendable {
    private var hasInside = false
    private var hasOutside = false

    public init() {}

    var isMixed: Bool { hasInside && hasOutside }
    /// What `auto` means for them.
    public var transfers: FileTransfers { .byPlace(inside: .inPlace, outside: isMixed ? .direct : .link) }

    mutating func add(_ location: ResourceURI, in datastores: [FileDatastore]) throws {
        for datastore in datastores {
            if try datastore.contains(location) { hasInside = true } else { hasOutside = true }
        }
    }
}

/// A file on its way into one part of a datastore. An object, as there are many and each is handed on.
final class Staging: Sendable {
    let datastore: FileDatastore
    let file: FileDatastore.IncomingFile
    let transfer: ArtifactTransfer
    let removesSource: Bool

    init(datastore: FileDatastore, file: FileDatastore.IncomingFile, transfer: ArtifactTransfer, removesSource: Bool) {
        self.datastore = datastore
        self.file = file
        self.transfer = transfer
        self.removesSource = removesSource
    }
}

/// A file whose records are known, on its way into one part of a datastore.
struct RecordedStaging: Sendable {
    let datastore: FileDatastore
    let source: ResourceURI
    let rows: [StagedFile.Row]

    /// What a transfer means for the file, which `auto` links if it can.
    func transfer(_ given: ArtifactTransfer) -> ArtifactTransfer {
        given == .auto ? datastore.possible(.link, source) : given
    }
}

extension StagedArtifacts {
    /// - Throws: ``DatastoreError/ambiguousTarget(path:datasets:)`` when two files would get one name.
    fileprivate func checkTargets() throws {
        var owners: [ExactName: Int] = Dictionary(minimumCapacity: files.count)
        for (index, file) in files.enumerated() {
            guard let placement = file.placement else { continue }
            let path = try file.datastore.nameOfTarget(placement.target)
            if let other = owners.updateValue(index, forKey: ExactName(path)) {
                let datasets = [other, index].flatMap { files[$0].rows.map(\.id.description) }
                try discardFiles()
                throw DatastoreError.ambiguousTarget(path: path, datasets: datasets)
            }
        }
    }
}
