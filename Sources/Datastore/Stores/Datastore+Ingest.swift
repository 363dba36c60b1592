import ButlerModel
import Database
import ObjectStorage
import RepositoryConfiguration

/// Bringing files into a datastore of any number of parts.
extension Datastore {
    /// Stages files for all parts of the datastore that accept them, several at a time.
    ///
    /// Whoever calls this must end it as ``StagedArtifacts`` says.
    /// - Parameters:
    ///   - recordsAttributes: whether sizes and, as configured, checksums are recorded.
    ///   - jobs: the most files that are worked on at the same time.
    /// - Throws: ``DatastoreError``, `ObjectStorageError`. Nothing stays behind then.
    public func stage(
        _ files: [FileDatastore.IncomingFile], transfer: ArtifactTransfer, recordsAttributes: Bool, jobs: Int
    ) async throws -> StagedArtifacts {
        let works = try stagings(files, transfer)
        return try await Self.stage(works.count, jobs: jobs) { index in
            let work = works[index]
            return try await work.datastore.stage(
                work.file, transfer: work.transfer, recordsAttributes: recordsAttributes,
                removesSource: work.removesSource)
        }
    }

    /// Stages files whose records are known.
    ///
    /// - Parameter files: with the absolute location of each, and the records that it is to have.
    public func stage(
        recorded files: [(source: ResourceURI, rows: [(ref: DatasetRef, info: StoredFileInfo)])],
        transfer: ArtifactTransfer, jobs: Int
    ) async throws -> StagedArtifacts {
        var works: [(FileDatastore, ResourceURI, [StagedFile.Row])] = []
        for (source, rows) in files {
            guard let first = rows.first else { continue }
            guard let datastore = accepting(LookupSubject(first.ref)).first else {
                throw DatastoreError.rejected(dataset: first.ref.description, datastore: name)
            }
            works.append((datastore, source, rows.map { .init(id: $0.ref.id, info: $0.info) }))
        }
        let planned = works
        return try await Self.stage(planned.count, jobs: jobs) { index in
            let (datastore, source, rows) = planned[index]
            return try await datastore.stage(
                try datastore.place(source), rows, transfer: transfer, attributes: .given, removesSource: true)
        }
    }

    private func stagings(
        _ files: [FileDatastore.IncomingFile], _ transfer: ArtifactTransfer
    ) throws -> [Staging] {
        var works: [Staging] = []
        for file in files {
            guard let first = file.refs.first else {
                throw DatastoreError.notIngestible(location: file.location.description, reason: "it has no dataset")
            }
            let accepting = accepting(LookupSubject(first))
            guard !accepting.isEmpty else {
                throw DatastoreError.rejected(dataset: first.description, datastore: name)
            }
            for (index, datastore) in accepting.enumerated() {
                works.append(
                    Staging(datastore: datastore, file: file, transfer: transfer, removesSource: index == 0))
            }
        }
        guard transfer == .auto else { return works }
        let inside = try works.map { try $0.datastore.contains($0.file.location) }
        let isMixed = inside.contains(true) && inside.contains(false)
        for index in works.indices {
            works[index].transfer = inside[index] ? .inPlace : isMixed ? .direct : .link
        }
        return works
    }

    /// Runs `body` for each of so many files; when one fails, the others' are discarded.
    private static func stage(
        _ count: Int, jobs: Int, _ body: @escaping @Sendable (Int) async throws -> StagedFile
    ) async throws -> StagedArtifacts {
        var staged = [StagedFile?](repeating: nil, count: count)
        var failure: (any Error)?
        await withTaskGroup(of: (Int, Result<StagedFile, any Error>).self) { group in
            var next = 0
            func start() {
                let index = next
                next += 1
                group.addTask {
                    do {
                        return (index, .success(try await body(index)))
                    } catch { return (index, .failure(error)) }
                }
            }
            while next < min(count, max(1, jobs)) { start() }
            for await (index, result) in group {
                switch result {
                case .success(let file): staged[index] = file
                case .failure(let error): failure = failure ?? error
                }
                if failure == nil, next < count { start() }
            }
        }
        let artifacts = StagedArtifacts(files: staged.compactMap { $0 })
        if let failure {
            try await artifacts.discard()
            throw failure
        }
        try artifacts.checkTargets()
        return artifacts
    }
}

/// A file on its way into one part of a datastore.
private struct Staging: Sendable {
    let datastore: FileDatastore
    let file: FileDatastore.IncomingFile
    var transfer: ArtifactTransfer
    let removesSource: Bool
}

extension StagedArtifacts {
    /// - Throws: ``DatastoreError/ambiguousTarget(path:datasets:)`` when two files would get one name.
    fileprivate func checkTargets() throws {
        var owners: [String: Int] = [:]
        for (index, file) in files.enumerated() {
            guard let placement = file.placement else { continue }
            let path = try file.datastore.localPath(placement.target)
            if let other = owners.updateValue(index, forKey: path) {
                let datasets = [other, index].flatMap { files[$0].rows.map(\.id.description) }
                try discardFiles()
                throw DatastoreError.ambiguousTarget(path: path, datasets: datasets)
            }
        }
    }
}
