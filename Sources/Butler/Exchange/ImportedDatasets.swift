import ButlerModel
import ByteText
import Datastore
import ObjectStorage
import Registry

/// The datasets of an export file in the terms of the repository that takes them in, some thousands of files at a time.
struct ImportedDatasets: Sendable {
    struct Batch: Sendable {
        var refs: [DatasetRef] = []
        /// None when no files are taken in.
        var files: [FileDatastore.IncomingFile] = []
    }

    let count: Int
    let fileCount: Int
    /// Those that get datasets.
    let runs: Set<ExactName>
    private let source: ExportedFiles
    private let sections: [Int: (type: DatasetType, run: String)]
    private let folder: ResourceURI?
    private let transfer: ArtifactTransfer
    private let takesFiles: Bool
    private let pending: PendingRecords

    /// - Parameters:
    ///   - types: those that the file names.
    ///   - records: dimension records of the file.
    init(
        _ file: ExportFile, _ options: DirectButler.ImportOptions, types: [String: DatasetType],
        records: [DimensionRecord]
    ) throws {
        count = file.datasets.reduce(0) { $0 + $1.datasetCount }
        fileCount = options.isWithoutFiles ? 0 : file.datasets.reduce(0) { $0 + $1.fileCount }
        runs = Set(names: file.datasets.lazy.filter { $0.datasetCount > 0 }.map(\.run))
        source = file.files
        sections = Dictionary(
            file.datasets.compactMap { section in types[section.datasetType].map { (section.section, ($0, section.run)) } },
            uniquingKeysWith: { first, _ in first })
        folder = try options.directory.map { try ResourceURI(localPath: DirectButler.absolutePath($0)).asDirectory }
        transfer = options.transfer
        takesFiles = !options.isWithoutFiles
        pending = PendingRecords(records)
    }

    var batchCount: Int { source.pageCount }

    /// - Throws: `ButlerError` for data IDs that mean nothing in the repository; ``ExportFileError/badPath(path:reason:)``.
    func batch(_ number: Int, _ snapshot: RegistrySnapshot) throws -> Batch {
        let snapshot = snapshot.including(pending)
        let memory = RecordMemory()
        var batch = Batch()
        for (section, entry) in try source.page(number) {
            guard let (type, run) = sections[section] else { continue }
            let refs = try entry.datasets.map { dataset in
                let dataID = try DataCoordinate.standardize(
                    dataset.dataID, group: type.dimensions, universe: snapshot.universe)
                // Those of no more than the required dimensions contradict nothing.
                if dataset.dataID.count > type.dimensions.required.count {
                    try snapshot.refuseContradictions(dataset.dataID, to: dataID)
                }
                // Where files get a path, all that the path is made of is needed.
                let needed =
                    takesFiles ? try snapshot.expand(dataID, remembering: memory, trustingImplied: true) : dataID
                return DatasetRef(id: dataset.id, datasetType: type, dataID: needed, run: run)
            }
            batch.refs += refs
            guard takesFiles else { continue }
            let file = FileDatastore.IncomingFile(location: try location(entry), refs: refs, formatter: entry.formatter)
            // A move takes away what a link leads to, which the export never held.
            if transfer == .move, file.isLinked(outOf: folder?.localPath) {
                throw ExportFileError.badPath(
                    path: entry.path ?? "",
                    reason: "it is a symbolic link out of the export, and a move would take away what it leads to; "
                        + "import with the transfer 'copy'")
            }
            batch.files.append(file)
        }
        return batch
    }

    /// Where the file of a dataset is.
    ///
    /// A path may not leave the directory, whatever it looks like: the file would be one that the export never held.
    private func location(_ entry: ExportFile.File) throws -> ResourceURI {
        guard let path = entry.path, !path.isEmpty else {
            throw ExportFileError.badPath(
                path: "", reason: "dataset \(entry.datasets[0].id) has no file; import without files")
        }
        let isAbsolute =
            path.hasPrefix("/") || (path.utf8.contains(UInt8(ascii: ":")) && path.utf8.firstRange(of: "://".utf8) != nil)
        if isAbsolute {
            guard folder == nil || transfer == .direct else {
                throw ExportFileError.badPath(
                    path: path,
                    reason: "it is absolute and so not part of the export; if you trust it, import with the transfer "
                        + "'direct'")
            }
            let uri = path.hasPrefix("/") ? try ResourceURI(localPath: path) : try ResourceURI(path)
            return uri
        }
        let inside: ObjectPath
        do {
            inside = try ObjectPath(path)
        } catch {
            throw ExportFileError.badPath(
                path: path, reason: "it leads out of the export's directory, or is no path; the export is damaged")
        }
        guard let folder, let base = folder.localPath else { return try ResourceURI(inside.description) }
        return try ResourceURI(localPath: base + inside.description)
    }
}

/// Finds datasets that may be given twice, among any number. Memory: 16 bytes for each.
struct RepetitionSearch {
    private var ids: RepeatedHashes
    private var keys: RepeatedHashes

    init(count: Int) {
        ids = RepeatedHashes(count: count)
        keys = RepeatedHashes(count: count)
    }

    mutating func add(_ refs: [DatasetRef]) {
        for ref in refs {
            ids.add(Self.id(ref))
            keys.add(Self.key(ref))
        }
    }

    private static func id(_ ref: DatasetRef) -> Int { ref.id.hashValue }

    private static func key(_ ref: DatasetRef) -> Int {
        var hasher = Hasher()
        hasher.combine(ref.datasetType.name)
        ref.run.hashBytes(into: &hasher)
        for value in ref.dataID.requiredValues { hasher.combine(value) }
        return hasher.finalize()
    }

    /// Datasets of which something may be that of another, too.
    struct Suspects: Sendable {
        fileprivate var ids: Set<Int> = []
        fileprivate var keys: Set<Int> = []

        var isEmpty: Bool { ids.isEmpty && keys.isEmpty }

        func contains(_ ref: DatasetRef) -> Bool {
            ids.contains(RepetitionSearch.id(ref)) || keys.contains(RepetitionSearch.key(ref))
        }
    }

    /// Ends the search. Cost: O(n log n).
    mutating func suspects() -> Suspects { Suspects(ids: ids.found(), keys: keys.found()) }
}

/// Finds hashes that come up more than once. Memory: 8 bytes for each.
struct RepeatedHashes {
    private var hashes: [Int] = []

    init(count: Int = 0) { hashes.reserveCapacity(count) }

    mutating func add(_ hash: Int) { hashes.append(hash) }

    /// Ends the search. Cost: O(n log n).
    mutating func found() -> Set<Int> {
        hashes.sort()
        var found: Set<Int> = []
        for (one, next) in zip(hashes, hashes.dropFirst()) where one == next { found.insert(one) }
        hashes = []
        return found
    }
}
