import ButlerModel
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
        let bytes = try await export.finish()
        if isDryRun { return result }
        try await POSIXObjectStore(root: folder).write(try ObjectPath(fileName), bytes: bytes, mode: .overwrite)
        return result
    }

    static func absolutePath(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

/// Collects what an export file is to hold. See ``DirectButler/export(to:fileName:transfer:jobs:isDryRun:_:)``.
///
/// Datasets bring their types, runs and dimension records along. Of TAGGED and CALIBRATION collections that are saved,
/// the memberships of saved datasets are, too. Memory: what is saved, without the content of files.
public struct RepositoryExport {
    private let butler: DirectButler
    private let folder: ResourceURI
    private let transfer: ArtifactTransfer
    private let jobs: Int
    private let isDryRun: Bool
    private var records: [Int: [[DataIDValue]: DimensionRecord]] = [:]
    private var types: [String: DatasetType] = [:]
    private var files: [String: [String: [ExportFile.File]]] = [:]
    private var ids: [String: Set<DatasetID>] = [:]
    private var collections: Set<String> = []

    /// Number of the datasets that are saved.
    public var datasetCount: Int { ids.values.reduce(0) { $0 + $1.count } }

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

    public mutating func saveDimensionData(_ records: [DimensionRecord]) {
        for record in records where record.element.hasOwnTable {
            let held = self.records[record.element.position]?[record.requiredValues]
            self.records[record.element.position, default: [:]][record.requiredValues] = held ?? record
        }
    }

    /// Saves the records that data IDs refer to, and those that are kept along with them.
    ///
    /// - Parameter elements: names of the elements whose records are wanted; `nil` for all.
    /// - Throws: `ButlerError` of kind `dataIDValue` for values without a record.
    public mutating func saveDataIDs(_ dataIDs: [DataCoordinate], elements: Set<String>? = nil) async throws {
        let found = try await butler.registry.read { snapshot in
            let memory = RecordMemory()
            let expanded = try dataIDs.map { try snapshot.expand($0, remembering: memory) }
            return try snapshot.dimensionRecords(of: expanded, elements: elements)
        }
        saveDimensionData(found)
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
        var seen: Set<DatasetID> = []
        let wanted = refs.filter { ids[$0.datasetType.name]?.contains($0.id) != true && seen.insert($0.id).inserted }
            .sorted { ($0.datasetType.name, $0.run) == ($1.datasetType.name, $1.run)
                ? $0.dataID < $1.dataID : ($0.datasetType.name, $0.run) < ($1.datasetType.name, $1.run) }
        guard !wanted.isEmpty else { return }
        let datastore = try butler.datastore()
        let (stored, found) = try await butler.registry.read { snapshot in
            let memory = RecordMemory()
            var stored: [DatasetID: StoredDataset] = [:]
            for chunk in wanted.pieces(of: 10_000) {
                for (id, held) in try datastore.stored(chunk.map(\.id), snapshot.connection) { stored[id] = held.first }
            }
            let expanded = try wanted.map { try snapshot.expand($0.dataID, remembering: memory) }
            return (stored, try snapshot.dimensionRecords(of: expanded, elements: elements))
        }
        var datasets: [(ref: DatasetRef, stored: StoredDataset)] = []
        for ref in wanted {
            guard let held = stored[ref.id] else {
                throw DatastoreError.notStored(dataset: ref.description, datastore: datastore.name)
            }
            guard !held.isDisassembled, held.infos.count == 1 else {
                throw ExportFileError.cannotExport(
                    "\(ref) has a file for each component; export files have no form for that. Use a zip archive.")
            }
            datasets.append((ref, held))
        }
        let paths = try await bring(datasets, progress: progress)
        saveDimensionData(found)
        for ((ref, held), path) in zip(datasets, paths) { add(ref, path, formatter: held.infos[0].formatter) }
    }

    private mutating func add(_ ref: DatasetRef, _ path: String, formatter: String) {
        let type = ref.datasetType.name
        types[type] = ref.datasetType
        ids[type, default: []].insert(ref.id)
        collections.insert(ref.run)
        let dataset = ExportFile.File.Dataset(
            id: ref.id,
            dataID: Dictionary(
                zip(ref.datasetType.dimensions.requiredNames, ref.dataID.requiredValues),
                uniquingKeysWith: { first, _ in first }))
        // Datasets that share a file are neighbours, as they are in order and files are in order of their first.
        files[type, default: [:]][ref.run, default: []].append(dataset, in: path, formatter: formatter)
    }

    /// Brings the files, each once.
    /// - Returns: for each dataset the path that the export file gives.
    private func bring(
        _ datasets: [(ref: DatasetRef, stored: StoredDataset)], progress: () -> Void
    ) async throws -> [String] {
        switch transfer {
        case .inPlace: return datasets.map { $0.stored.infos[0].path }
        case .direct:
            return try datasets.map { try $0.stored.datastore.location(of: $0.stored.infos[0]).description }
        default: break
        }
        let retrieval = try ArtifactRetrieval(datasets, naming: .path)
        let mode = try Self.retrieval(transfer)
        if isDryRun {
            try await retrieval.check(to: folder, overwrites: false, jobs: jobs, progress: { _ in progress() })
        } else {
            _ = try await retrieval.run(
                to: folder, transfer: mode, overwrites: false, jobs: jobs, progress: { _ in progress() })
        }
        let targets = Dictionary(
            retrieval.steps.flatMap { step in step.ids.map { ($0, step.target.description) } },
            uniquingKeysWith: { first, _ in first })
        return datasets.map { targets[$0.ref.id] ?? $0.stored.infos[0].path }
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

    // MARK: Writing

    fileprivate func finish() async throws -> [UInt8] {
        let names = Array(collections)
        let ids = ids
        let (found, associations) = try await butler.registry.read { snapshot in
            let collections = try snapshot.exportedCollections(names)
            var associations: [DatasetAssociation] = []
            for (type, members) in ids.sorted(by: { $0.key < $1.key }) {
                associations += try snapshot.associations(of: type, ids: members, in: names)
            }
            return (collections, associations)
        }
        var writer = ExportFileWriter(universe: butler.universe)
        for element in butler.universe.elements {
            guard let held = records[element.position] else { continue }
            try writer.records(element, held.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value))
        }
        for collection in found { writer.collection(collection) }
        for (name, type) in types.sorted(by: { $0.key < $1.key }) {
            for (run, files) in (files[name] ?? [:]).sorted(by: { $0.key < $1.key }) {
                writer.datasets(type, run: run, files: files.sorted { ($0.path ?? "") < ($1.path ?? "") })
            }
            if files[name] == nil { writer.datasetType(type) }
        }
        try Self.write(associations, to: &writer)
        return writer.bytes
    }

    private static func write(_ associations: [DatasetAssociation], to writer: inout ExportFileWriter) throws {
        let byCollection = Dictionary(grouping: associations, by: \.collection)
        for (collection, members) in byCollection.sorted(by: { $0.key < $1.key }) {
            let byTimespan = Dictionary(grouping: members, by: \.timespan).mapValues { $0.map(\.id).sorted() }
            if let ids = byTimespan[nil] { writer.tags(.init(collection: collection, ids: ids)) }
            let ranges = byTimespan.compactMap { timespan, ids in
                timespan.map { ExportFile.ValidityRange(collection: collection, timespan: $0, ids: ids) }
            }.sorted { ($0.timespan.begin, $0.timespan.end) < ($1.timespan.begin, $1.timespan.end) }
            if !ranges.isEmpty { try writer.validityRanges(ranges, of: collection) }
        }
    }
}

extension RegistrySnapshot {
    /// Collections in an order in which they can be made: by name, and chains after their members.
    fileprivate func exportedCollections(_ names: [String]) throws -> [ExportFile.Collection] {
        let infos = try collectionInfo(CollectionSearch(names, includeDocumentation: true))
        var plain: [ExportFile.Collection] = []
        var chains: [ExportFile.Collection] = []
        for info in infos where names.contains(info.name) {
            let collection = ExportFile.Collection(
                name: info.name, type: info.type,
                documentation: info.documentation.isEmpty ? nil : info.documentation, children: info.children)
            if info.type == .chained { chains.append(collection) } else { plain.append(collection) }
        }
        plain.sort { $0.name < $1.name }
        chains.sort { $0.name < $1.name }
        var waiting = Set(chains.map(\.name))
        while !waiting.isEmpty {
            // A chain cannot contain itself, so some chain is always free.
            let free = chains.filter { waiting.contains($0.name) && $0.children.allSatisfy { !waiting.contains($0) } }
            guard !free.isEmpty else { break }
            plain += free
            for chain in free { waiting.remove(chain.name) }
        }
        return plain
    }
}

extension [ExportFile.File] {
    /// Adds a dataset to the last file if that is its own, or another file.
    fileprivate mutating func append(_ dataset: ExportFile.File.Dataset, in path: String, formatter: String) {
        if let position = indices.last, self[position].path == path {
            self[position].datasets.append(dataset)
        } else {
            append(.init(datasets: [dataset], path: path, formatter: formatter))
        }
    }
}
