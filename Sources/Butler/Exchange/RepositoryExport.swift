import ButlerModel
import ByteText
import Datastore
import Foundation
import ObjectStorage
import Registry

extension DirectButler {
    /// Writes an export file of what `body` saves, and brings the files of its datasets to the same directory.
    ///
    /// The export file appears when all of it is there; when `body` throws, there is none. Files that were brought
    /// before a failure stay, so that a second attempt can go on with `link` modes; see ``RepositoryExport``.
    ///
    /// - Parameters:
    ///   - directory: is made if need be.
    ///   - fileName: of the export file, relative to the directory.
    ///   - transfer: how files come to the directory. `inPlace` brings none, and the export names their paths below the
    ///     datastore's root; `direct` brings none, and it names absolute locations. `move` is refused.
    ///   - jobs: the most files that are brought at the same time.
    ///   - isDryRun: whether nothing is written, and only looked for what would keep it from succeeding.
    /// - Returns: what `body` returns.
    /// - Throws: ``ExportFileError``, `DatastoreError`, `ObjectStorageError`, what `body` throws.
    public func export<Result>(
        to directory: String, fileName: String = ExportFile.defaultName, transfer: ArtifactTransfer, jobs: Int = 4,
        isDryRun: Bool = false, _ body: (inout RepositoryExport) async throws -> Result
    ) async throws -> Result {
        guard transfer != .move else {
            throw ExportFileError.cannotExport("An export leaves the repository as it is, so files cannot be moved; copy them.")
        }
        let folder = try ResourceURI(localPath: Self.absolutePath(directory)).asDirectory
        var export = RepositoryExport(self, folder: folder, transfer: transfer, jobs: jobs, isDryRun: isDryRun)
        let result = try await body(&export)
        let path = try ObjectPath(fileName)
        let writing = try await ExportWriting(export)
        try await writing.write(to: isDryRun ? nil : (try POSIXObjectStore(root: folder), path))
        return result
    }

    static func absolutePath(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

/// Collects what an export file is to hold. See ``DirectButler/export(to:fileName:transfer:jobs:isDryRun:_:)``.
///
/// Datasets bring their types, runs and dimension records along. Of TAGGED and CALIBRATION collections that are saved,
/// the memberships of saved datasets are, too. Memory: the identifiers of datasets, and the names of collections and dataset
/// types; all else is in files without a name where temporary files are (`TMPDIR`).
public struct RepositoryExport {
    let butler: DirectButler
    private let folder: ResourceURI
    private let transfer: ArtifactTransfer
    private let jobs: Int
    private let isDryRun: Bool
    private(set) var records = SpooledRecords()
    private(set) var types: [String: DatasetType] = [:]
    private(set) var files = SortedSpool<SavedFile>()
    private(set) var ids: Set<DatasetID> = []
    private(set) var collections: Set<ExactName> = []
    /// The number of datasets of each type in each run.
    private var counts: [Section: Int] = [:]

    private struct Section: Hashable {
        let type: String
        let run: ExactName
    }

    /// Those of the datasets that are saved.
    var typeNames: [String] { Set(counts.keys.lazy.map(\.type)).sorted() }

    /// Number of the datasets that are saved.
    public var datasetCount: Int { ids.count }

    init(_ butler: DirectButler, folder: ResourceURI, transfer: ArtifactTransfer, jobs: Int, isDryRun: Bool) {
        self.butler = butler
        self.folder = folder
        self.transfer = transfer
        self.jobs = jobs
        self.isDryRun = isDryRun
    }

    // MARK: Saving

    /// Saves a collection: its name, type and documentation. The members of a chain have to be saved as well, or exist
    /// where the file goes.
    /// - Throws: `ButlerError` of kind `missingCollection`.
    public mutating func saveCollection(_ name: String) async throws {
        _ = try await butler.registry.read { try $0.collectionSummary(name) }
        collections.insert(name)
    }

    /// Saves a dataset type without any datasets.
    /// - Throws: `ButlerError` of kind `missingDatasetType`.
    public mutating func saveDatasetType(_ name: String) async throws {
        types[name] = try await butler.registry.read { try $0.datasetType(name) }
    }

    /// - Throws: `ObjectStorageError` when there is no room for temporary files.
    public mutating func saveDimensionData(_ records: [DimensionRecord]) throws { try self.records.add(records) }

    /// Saves the records that data IDs refer to, and those that are kept along with them.
    ///
    /// - Parameter elements: names of the elements whose records are wanted; `nil` for all.
    /// - Throws: `ButlerError` of kind `dataIDValue` for values without a record.
    public mutating func saveDataIDs(_ dataIDs: [DataCoordinate], elements: Set<String>? = nil) async throws {
        var referred = ReferredRecords(elements: elements)
        for piece in dataIDs.pieces(of: BatchSpool.batchSize) {
            try referred.add(try await butler.registry.read { try ReferredRecords.found(piece, $0) })
        }
        try await referred.save(butler.registry, to: &records)
    }

    /// Saves datasets with all that they need, and brings their files. Datasets that are saved already are passed over.
    ///
    /// - Parameters:
    ///   - elements: names of the elements whose records are wanted; `nil` for all.
    ///   - progress: called after each file that is brought.
    /// - Throws: `DatastoreError.notStored` for datasets without files; ``ExportFileError/cannotExport(_:)`` for
    ///   datasets with a file for each component; `ObjectStorageError.alreadyExists` for files that are in the way.
    public mutating func saveDatasets(
        _ refs: [DatasetRef], elements: Set<String>? = nil, progress: () -> Void = {}
    ) async throws {
        var rest = refs[...]
        try await saveDatasets(elements: elements, progress: progress) {
            defer { rest = rest.dropFirst(BatchSpool.batchSize) }
            return rest.isEmpty ? nil : Array(rest.prefix(BatchSpool.batchSize))
        }
    }

    /// Saves datasets of any number, of which a page at a time is in memory.
    ///
    ///     var pages = butler.query.datasets("raw", in: ["HSC/raw/all"]).pages.makeAsyncIterator()
    ///     try await export.saveDatasets { try await pages.next() }
    ///
    /// - Parameters:
    ///   - elements: as for ``saveDatasets(_:elements:progress:)``.
    ///   - progress: called after each file that is brought.
    ///   - nextPage: gives datasets as long as there are any; all are asked for before files are looked at.
    /// - Throws: as ``saveDatasets(_:elements:progress:)``, and what `nextPage` throws.
    public mutating func saveDatasets(
        elements: Set<String>? = nil, progress: () -> Void = {}, nextPage: () async throws -> [DatasetRef]?
    ) async throws {
        var datasets = SortedSpool<SavedDataset>()
        var new: Set<DatasetID> = []
        while let page = try await nextPage() {
            for ref in page where !ids.contains(ref.id) && new.insert(ref.id).inserted {
                try datasets.append(SavedDataset(ref))
            }
        }
        guard !datasets.isEmpty else { return }
        var plan = Plan(records: ReferredRecords(elements: elements), counts: counts)
        var sorted = try datasets.sorted()
        while let page = try sorted.page() { try await look(at: page.map(\.ref), &plan) }
        try await bring(&plan.files, progress: progress)

        try await plan.records.save(butler.registry, to: &records)
        var saved = try plan.files.sorted()
        var latest: FileToBring?
        while var file = try saved.next() {
            // Of a file that is brought once there is one path, however it is recorded.
            if let latest, latest.isSameFile(as: file) { file.saved.path = latest.saved.path }
            try files.append(file.saved)
            latest = file
        }
        types.merge(plan.types) { _, new in new }
        collections.formUnion(plan.counts.keys.map(\.run))
        counts = plan.counts
        if ids.isEmpty { ids = new } else { ids.formUnion(new) }
    }

    /// What is to be saved, when nothing keeps it from being.
    private struct Plan {
        var records: ReferredRecords
        var counts: [Section: Int]
        var types: [String: DatasetType] = [:]
        var files = SortedSpool<FileToBring>()
    }

    /// Looks up the records of datasets that are neighbours in their order.
    private func look(at refs: [DatasetRef], _ plan: inout Plan) async throws {
        let datastore = try butler.datastore()
        let (stored, found) = try await butler.registry.read { snapshot in
            (
                try datastore.stored(refs.map(\.id), snapshot.connection),
                try ReferredRecords.found(refs.map(\.dataID), snapshot)
            )
        }
        try plan.records.add(found)
        for ref in refs {
            guard let held = stored[ref.id]?.first else {
                throw DatastoreError.notStored(dataset: ref.description, datastore: datastore.name)
            }
            guard !held.isDisassembled, held.infos.count == 1 else {
                throw ExportFileError.cannotExport(
                    "\(ref) has a file for each component; export files have no form for that. Use a zip archive.")
            }
            let section = Section(type: ref.datasetType.name, run: ExactName(ref.run))
            let number = plan.counts[section, default: 0]
            plan.counts[section] = number + 1
            plan.types[section.type] = ref.datasetType
            let saved = SavedFile(ref, path: try path(held), formatter: held.infos[0].formatter, number: number)
            try plan.files.append(
                FileToBring(
                    saved, held.infos[0], datastore: datastore.files.firstIndex { $0 === held.datastore } ?? 0,
                    source: bringsFiles ? try held.datastore.location(of: held.infos[0]).description : ""))
        }
    }

    private var bringsFiles: Bool { transfer != .inPlace && transfer != .direct }

    /// What the export file says where the file of a dataset is.
    private func path(_ held: StoredDataset) throws -> String {
        switch transfer {
        case .inPlace: held.infos[0].path
        case .direct: try held.datastore.location(of: held.infos[0]).description
        default: try ArtifactRetrieval.target(of: held.infos[0], in: held.id, naming: .path).description
        }
    }

    // MARK: Files

    /// Brings the files, each once. All are looked for in the folder before the first is brought.
    /// - Throws: `DatastoreError.ambiguousTarget(path:datasets:)` when two files would get the same name.
    private func bring(_ files: inout SortedSpool<FileToBring>, progress: () -> Void) async throws {
        guard bringsFiles else { return }
        let mode = try Self.retrieval(transfer)
        let datastores = try butler.datastore().files
        var targets = RepeatedHashes()
        var all = try files.sorted()
        try await Self.pages(of: &all) { page in for file in page { targets.add(ExactName(file.saved.path).hashValue) } }
        let suspects = targets.found()
        if !suspects.isEmpty { try await Self.refuseAmbiguity(&files, suspects) }
        all = try files.sorted()
        try await Self.pages(of: &all) { page in
            try await Self.retrieval(page, datastores).refuseOthers(in: folder)
        }
        all = try files.sorted()
        try await Self.pages(of: &all) { page in
            let retrieval = try Self.retrieval(page, datastores)
            if isDryRun {
                try await retrieval.look(jobs: jobs, progress: { _ in progress() })
            } else {
                try await retrieval.bring(
                    to: folder, transfer: mode, overwrites: false, jobs: jobs, progress: { _ in progress() })
            }
        }
    }

    private static func refuseAmbiguity(_ files: inout SortedSpool<FileToBring>, _ suspects: Set<Int>) async throws {
        var owners: [ExactName: String] = [:]
        var all = try files.sorted()
        try await pages(of: &all) { page in
            for file in page where suspects.contains(ExactName(file.saved.path).hashValue) {
                let dataset = file.saved.ref.description
                if let other = owners.updateValue(dataset, forKey: ExactName(file.saved.path)) {
                    throw DatastoreError.ambiguousTarget(path: file.saved.path, datasets: [other, dataset])
                }
            }
        }
    }

    /// Calls `body` for some thousands of files at a time, each with the first of its datasets.
    private static func pages(
        of files: inout SortedItems<FileToBring>, _ body: ([FileToBring]) async throws -> Void
    ) async throws {
        var latest: FileToBring?
        while let page = try files.page() {
            var first: [FileToBring] = []
            for file in page {
                if latest?.isSameFile(as: file) != true { first.append(file) }
                latest = file
            }
            try await body(first)
        }
    }

    private static func retrieval(_ files: [FileToBring], _ datastores: [FileDatastore]) throws -> ArtifactRetrieval {
        try ArtifactRetrieval(
            files.map { file in
                let ref = file.saved.ref
                return (ref, StoredDataset(id: ref.id, datastore: datastores[file.datastore], infos: [file.info]))
            }, naming: .path)
    }

    private static func retrieval(_ transfer: ArtifactTransfer) throws -> ArtifactRetrieval.Transfer {
        switch transfer {
        case .copy: .copy
        case .auto, .link: .link
        case .hardlink: .hardlink
        case .symlink: .symlink
        case .relsymlink: .relsymlink
        case .move, .direct, .inPlace:
            throw ExportFileError.cannotExport("Files cannot come to an export with '\(transfer.rawValue)'.")
        }
    }
}
