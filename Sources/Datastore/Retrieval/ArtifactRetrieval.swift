import ByteText
import ButlerModel
import ObjectStorage

/// Brings the files of datasets into a folder outside of any datastore.
///
/// A file that several datasets share is brought once. Members of zip archives are unpacked.
public struct ArtifactRetrieval: Sendable {
    /// One file to bring.
    public struct Step: Sendable {
        /// Where it goes, below the destination.
        public let target: ObjectPath
        let info: StoredFileInfo
        let datastore: FileDatastore
        let dataset: String
        /// The datasets that are in the file.
        public internal(set) var ids: [DatasetID]

        /// Bytes, if they are recorded.
        public var size: Int64? { info.fileSize < 0 ? nil : info.fileSize }
    }

    /// What files are called below the destination.
    public enum Naming: Sendable, Hashable {
        /// As below the root of the datastore.
        case path
        /// Without folders.
        case basename
        /// Without folders, and with the first eight digits of the dataset's identifier before the name, as the members
        /// of archives are named.
        case prefixedBasename
    }

    /// How a file comes to the destination.
    public enum Transfer: Sendable, Hashable {
        case copy
        /// A hard link, or a symbolic link where that is impossible. Zip members are unpacked nevertheless.
        case link
        case hardlink
        case symlink
        case relsymlink

        fileprivate var mode: TransferMode {
            switch self {
            case .copy: .copy
            case .link: .link
            case .hardlink: .hardlink
            case .symlink: .symlink
            case .relsymlink: .relsymlink
            }
        }
    }

    /// In the order of the datasets.
    public private(set) var steps: [Step] = []

    /// Plans the retrieval; nothing is read or written.
    ///
    /// - Parameters:
    ///   - datasets: with what is recorded about their files.
    ///   - naming: whether files keep their folders below the datastore's root, or lose them.
    /// - Throws: ``DatastoreError/ambiguousTarget(path:datasets:)`` when two files would get the same name,
    ///   `ObjectStorageError` for recorded paths that lead out of the datastore.
    public init(_ datasets: [(ref: DatasetRef, stored: StoredDataset)], naming: Naming) throws {
        var indexOfSource: [ExactName: Int] = [:]
        var indexOfTarget: [ObjectPath: Int] = [:]
        for (ref, stored) in datasets {
            for info in stored.infos {
                let source = try stored.datastore.location(of: info).description
                if let index = indexOfSource[source] {
                    steps[index].ids.append(ref.id)
                    continue
                }
                let target = try Self.target(of: info, in: ref.id, naming: naming)
                if let index = indexOfTarget[target] {
                    throw DatastoreError.ambiguousTarget(
                        path: target.description, datasets: [steps[index].dataset, ref.description])
                }
                indexOfSource[source] = steps.count
                indexOfTarget[target] = steps.count
                steps.append(
                    Step(
                        target: target, info: info, datastore: stored.datastore, dataset: ref.description,
                        ids: [ref.id]))
            }
        }
    }

    /// The path below the destination: that below the datastore's root, or below the root of the file system for a file
    /// that is elsewhere. A zip member goes to the folder of its archive.
    package static func target(of info: StoredFileInfo, in id: DatasetID, naming: Naming) throws -> ObjectPath {
        let path: ObjectPath
        let member: String?
        switch try ArtifactLocation(recorded: info.path) {
        case .inside(let inside, let name): (path, member) = (inside, name)
        case .outside(let uri, let name):
            (path, member) = (try ObjectPath(uri.path.withoutFirstSlashes), name)
        }
        switch naming {
        case .path: break
        case .basename: return try ObjectPath(try ObjectPath(member ?? path.description).basename)
        case .prefixedBasename:
            // A member of an archive has a prefix already.
            if let member { return try ObjectPath(try ObjectPath(member).basename) }
            return try ObjectPath("\(id.description.prefix(8))-\(path.basename)")
        }
        guard let member else { return path }
        let folder = path.description.folderInPath.map { $0 + "/" } ?? ""
        return try ObjectPath(folder + member)
    }

    // MARK: Running

    /// Brings the files, some at a time. What was brought before a failure stays.
    ///
    /// - Parameters:
    ///   - destination: an absolute folder of this machine; it is made if need be.
    ///   - overwrites: whether files that are there already are replaced. If not, nothing is brought when one is there,
    ///     unless it is the datastore's own file, linked by an earlier retrieval.
    ///   - jobs: the most files that are brought at the same time.
    ///   - progress: called after each file.
    /// - Returns: the location of each file, in the order of ``steps``.
    /// - Throws: `ObjectStorageError.alreadyExists`, ``DatastoreError`` for missing and damaged files.
    public func run(
        to destination: ResourceURI, transfer: Transfer, overwrites: Bool, jobs: Int = 4,
        progress: (Step) throws -> Void
    ) async throws -> [ResourceURI] {
        if !overwrites { try await refuseOthers(in: destination) }
        try await bring(to: destination, transfer: transfer, overwrites: overwrites, jobs: jobs, progress: progress)
        return try locations(in: destination)
    }

    /// Brings the files, without a look for others in the way before the first.
    package func bring(
        to destination: ResourceURI, transfer: Transfer, overwrites: Bool, jobs: Int, progress: (Step) throws -> Void
    ) async throws {
        let store = try POSIXObjectStore(root: destination.asDirectory, synchronizing: false)
        let mode: WriteMode = overwrites ? .overwrite : .createOnly
        try await visit(jobs: jobs, progress: progress) { step in
            switch try await step.datastore.artifact(step.info, of: step.dataset).content {
            case .memory(let bytes): try await store.write(step.target, bytes: bytes, mode: mode)
            case .file(let path):
                try await store.write(step.target, fromLocalFile: path, transfer: transfer.mode, mode: mode)
            }
        }
    }

    /// Where the files come, in the order of ``steps``.
    public func locations(in destination: ResourceURI) throws -> [ResourceURI] {
        let store = try POSIXObjectStore(root: destination.asDirectory, synchronizing: false)
        return try steps.map { try store.uri($0.target) }
    }

    /// Looks what would keep ``run(to:transfer:overwrites:jobs:progress:)`` from succeeding: files that are missing,
    /// damaged or in the way.
    ///
    /// - Throws: as that.
    public func check(
        to destination: ResourceURI, overwrites: Bool, jobs: Int = 4, progress: (Step) throws -> Void
    ) async throws {
        if !overwrites { try await refuseOthers(in: destination) }
        try await look(jobs: jobs, progress: progress)
    }

    /// Looks whether the files are there and whole.
    package func look(jobs: Int, progress: (Step) throws -> Void) async throws {
        try await visit(jobs: jobs, progress: progress) { step in
            _ = try await step.datastore.artifact(step.info, of: step.dataset)
        }
    }

    /// Bytes of all files, as far as they are recorded.
    public var size: Int64 { steps.reduce(0) { $0 + ($1.size ?? 0) } }

    /// - Throws: `ObjectStorageError.alreadyExists` for a file in the way that is not the datastore's own.
    package func refuseOthers(in destination: ResourceURI) async throws {
        let store = try POSIXObjectStore(root: destination.asDirectory, synchronizing: false)
        for step in steps where try await store.exists(step.target) {
            guard try await isSameFile(step, in: store) else {
                throw ObjectStorageError.alreadyExists(path: store.localPath(step.target) ?? "\(step.target)")
            }
        }
    }

    /// Calls `body` for each file, for some at the same time, and `progress` after each. A failure ends it.
    private func visit(
        jobs: Int, progress: (Step) throws -> Void, _ body: @escaping @Sendable (Step) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Int.self) { group in
            var waiting = steps.indices.makeIterator()
            func addNext() {
                guard let index = waiting.next() else { return }
                group.addTask { [steps] in
                    try await body(steps[index])
                    return index
                }
            }
            for _ in 0..<max(1, jobs) { addNext() }
            while let index = try await group.next() {
                try Task.checkCancellation()
                try progress(steps[index])
                addNext()
            }
        }
    }

    /// Whether what is at the target is the datastore's file itself.
    private func isSameFile(_ step: Step, in store: POSIXObjectStore) async throws -> Bool {
        guard case .file(let source) = try await step.datastore.artifact(step.info, of: step.dataset).content,
            let target = store.localPath(step.target)
        else { return false }
        return try await FormatterCatalog.pool.run { LocalFile.isSame(source, target) }
    }

    // MARK: Archives

    /// Writes the files into a zip archive together with an index of them. The archive is there whole, or not at all.
    ///
    /// - Parameters:
    ///   - folder: an absolute folder of this machine; it is made if need be.
    ///   - refs: the datasets of the retrieval, whose dimension records the index holds if all are expanded.
    ///   - overwrites: whether an archive of the same name, and so with members of the same names, is replaced.
    /// - Returns: the path of the archive.
    /// - Throws: `ObjectStorageError.alreadyExists`, ``DatastoreError`` for missing and damaged files and for an empty
    ///   retrieval.
    ///
    /// Memory: what is unpacked from other archives; files are copied in pieces.
    public func archive(in folder: ResourceURI, refs: [DatasetRef], overwrites: Bool) async throws -> String {
        let (folderPath, index) = try plan(archiveIn: folder, refs)
        let target = folderPath + index.archiveName
        var members: [(name: String, content: Artifact.Content)] = []
        for step in steps {
            try Task.checkCancellation()
            let artifact = try await step.datastore.artifact(step.info, of: step.dataset)
            members.append((step.target.description, artifact.content))
        }
        try await FormatterCatalog.pool.run { [members] in
            if !overwrites, LocalFile.exists(target) { throw ObjectStorageError.alreadyExists(path: target) }
            try LocalFile.makeFolder(folderPath)
            var writer = try ZipWriter(target: target)
            try writer.addDeflated(RetrievalIndex.fileName, index.bytes)
            for (name, content) in members {
                switch content {
                case .memory(let bytes): try writer.add(name, bytes)
                case .file(let path): try writer.add(name, file: path)
                }
            }
            try writer.finish(overwrites: overwrites)
        }
        return target
    }

    /// Looks what would keep ``archive(in:refs:overwrites:)`` from succeeding.
    ///
    /// - Returns: the path that the archive would have.
    public func checkArchive(in folder: ResourceURI, refs: [DatasetRef], overwrites: Bool) async throws -> String {
        let (folderPath, index) = try plan(archiveIn: folder, refs)
        let target = folderPath + index.archiveName
        if !overwrites, LocalFile.exists(target) { throw ObjectStorageError.alreadyExists(path: target) }
        for step in steps { _ = try await step.datastore.artifact(step.info, of: step.dataset) }
        return target
    }

    private func plan(archiveIn folder: ResourceURI, _ refs: [DatasetRef]) throws -> (folder: String, RetrievalIndex) {
        guard let path = folder.asDirectory.localPath else {
            throw DatastoreError.unsupportedLocation(uri: folder.description)
        }
        guard !steps.isEmpty else {
            throw DatastoreError.malformedZip(path: path, reason: "there are no datasets to put into it")
        }
        return (path, RetrievalIndex(refs, self))
    }
}
