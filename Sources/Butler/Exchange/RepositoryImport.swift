import ButlerModel
import ByteText
import Database
import Datastore
import Foundation
import ObjectStorage
import Registry
import StructuredData

extension DirectButler {
    /// How an export file is taken in.
    public struct ImportOptions: Sendable {
        /// Where the files are that the export names; `nil`: below the root of the datastore, or at absolute locations.
        public var directory: String?
        /// The export file, absolute or relative to `directory` or the current directory.
        public var file: String
        /// How files come into the datastore.
        public var transfer: ArtifactTransfer
        /// Dimension elements whose records are left out.
        public var skippedElements: Set<String>
        /// Whether sizes and, as configured, checksums are recorded.
        public var recordsAttributes: Bool
        /// Whether only the registry is filled, and no files are taken in.
        public var isWithoutFiles: Bool
        /// The most files that are copied or linked at the same time.
        public var jobs: Int
        /// Whether nothing is changed, and only looked for what would keep the import from succeeding.
        public var isDryRun: Bool

        public init(
            directory: String? = nil, file: String = ExportFile.defaultName, transfer: ArtifactTransfer = .auto,
            skippedElements: Set<String> = [], recordsAttributes: Bool = true, isWithoutFiles: Bool = false,
            jobs: Int = 4, isDryRun: Bool = false
        ) {
            self.directory = directory
            self.file = file
            self.transfer = transfer
            self.skippedElements = skippedElements
            self.recordsAttributes = recordsAttributes
            self.isWithoutFiles = isWithoutFiles
            self.jobs = jobs
            self.isDryRun = isDryRun
        }
    }

    /// Takes in what an export file holds, in one transaction: dataset types, collections, dimension records, datasets
    /// with their identifiers and files, tags and validity ranges. All of it, or nothing.
    ///
    /// Records that exist already stay as they are, whatever the file says. Datasets that exist already as the same get
    /// their files. Chains that exist get the members that the file gives. Memory: some tens of bytes for each dataset; a few
    /// hundred for each dimension record, and for each dataset that is in a tag or has a validity range.
    ///
    /// - Parameter progress: is told how many more files are staged, of how many.
    /// - Returns: the number of datasets in the file.
    /// - Throws: ``ExportFileError`` and `YAMLError` for the file; `ButlerError` for what contradicts the repository;
    ///   `DatastoreError` and `ObjectStorageError` for files of datasets.
    @discardableResult
    public func `import`(
        _ options: ImportOptions, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws -> Int {
        if !options.isDryRun { try requireWriteable(to: "import datasets") }
        let plan = try await importPlan(options)
        for warning in plan.warnings { warn(warning) }
        let datastore = try datastore()
        if !plan.suspects.isEmpty { try await registry.read { try plan.refuseRepetitions($0) } }
        try plan.refuseContradictions()
        if let objection = plan.objection { throw objection }
        if options.isDryRun {
            try await foresee(plan, options, progress: progress)
            return plan.datasets.count
        }
        let batch: @Sendable (Int) async throws -> ImportedDatasets.Batch? = { [registry] number in
            guard number < plan.datasets.batchCount else { return nil }
            return try await registry.read { try plan.datasets.batch(number, $0) }
        }
        let intake = try await intake { intake in
            var number = 0
            var read = try await batch(number)
            while let current = read {
                number += 1
                let next = number
                async let following = batch(next)
                let staged =
                    options.isWithoutFiles
                    ? StagedArtifacts([StagedDataset]())
                    : try await datastore.stage(
                        current.files, transfers: plan.transfers, recordsAttributes: options.recordsAttributes,
                        jobs: options.jobs)
                try await intake.add(current.refs, staged)
                if !options.isWithoutFiles { progress(current.files.count, plan.datasets.fileCount) }
                read = try await following
            }
        }
        try await intake.commit(first: { try plan.prepare($0) }, last: { try plan.associate($0) })
        return plan.datasets.count
    }

    /// What an export file holds. The text and what was read out of it are let go.
    private func importPlan(_ options: ImportOptions) async throws -> ImportPlan {
        let path = try ObjectPath(try exportFile(options).withoutFirstSlashes).description
        var file = try await StagedArtifacts.pool.run {
            let text = try PieceReader(path: "/" + path)
            // It is not in memory, so it may be of any size.
            return try ExportFile(
                yaml: YAMLSource(count: text.count) { try text.read(at: $0, count: $1) }, limits: YAMLLimits(bytes: .max))
        }
        for warning in try ExportMigration.run(&file, universe: universe) { warn(warning) }
        let datastore = try await presentDatastore()
        let (content, ownFiles) = (file, repositoryFiles)
        return try await registry.read { snapshot in
            try ImportPlan(
                content, options, snapshot, datastore: options.isWithoutFiles ? nil : datastore, ownFiles: ownFiles)
        }
    }

    /// Where the export file is: in the directory, or where its path says. That in the directory comes first.
    private func exportFile(_ options: ImportOptions) throws -> String {
        let plain = Self.absolutePath(options.file)
        guard let directory = options.directory, !options.file.hasPrefix("/") else {
            guard FileManager.default.fileExists(atPath: plain) else { throw ExportFileError.notFound(path: plain) }
            return plain
        }
        let inside = Self.absolutePath(directory + "/" + options.file)
        if FileManager.default.fileExists(atPath: inside) {
            if FileManager.default.fileExists(atPath: plain), plain != inside {
                warn("There is an export file \(plain) and one in the given directory; the one there is taken: \(inside).")
            }
            return inside
        }
        guard FileManager.default.fileExists(atPath: plain) else { throw ExportFileError.notFound(path: inside) }
        return plain
    }
}

/// An export file in the terms of the repository that takes it in.
struct ImportPlan: Sendable {
    private(set) var types: [DatasetType] = []
    let collections: [ExportFile.Collection]
    let records: [DimensionRecord]
    let datasets: ImportedDatasets
    /// Those of the datasets that may be given twice.
    private(set) var suspects = RepetitionSearch.Suspects()
    /// How files come in.
    private(set) var transfers = FileTransfers.all(.auto)
    /// Why they cannot.
    private(set) var objection: (any Error)?
    let tags: [ExportFile.Tags]
    let ranges: [ExportFile.ValidityRange]
    /// The datasets of tags and ranges.
    private var members: [DatasetID: DatasetRef] = [:]
    private(set) var warnings: [String]

    /// - Parameters:
    ///   - datastore: where files go; `nil` when they are not taken in.
    ///   - ownFiles: as ``DirectButler/repositoryFiles``.
    init(
        _ file: ExportFile, _ options: DirectButler.ImportOptions, _ snapshot: RegistrySnapshot,
        datastore: (any Datastore)?, ownFiles: [String]
    ) throws {
        collections = file.collections
        let universe = snapshot.universe
        var known: [String: DatasetType] = [:]
        for definition in file.datasetTypes {
            let type = try DatasetType(
                name: definition.name, dimensions: try universe.group(definition.dimensions),
                storageClass: definition.storageClass, isCalibration: definition.isCalibration)
            if let other = known.updateValue(type, forKey: type.name), other != type {
                throw ButlerError(
                    .conflictingDefinition, "The export file defines dataset type '\(type.name)' twice, differently.")
            }
        }
        types = known.values.sorted { $0.name < $1.name }
        for section in file.datasets where known[section.datasetType] == nil {
            known[section.datasetType] = try snapshot.datasetType(section.datasetType)
        }
        (records, warnings) = try Self.records(file, options, universe)
        datasets = try ImportedDatasets(file, options, types: known, records: records)
        (tags, ranges) = (file.tags, file.validityRanges)
        try look(at: snapshot, options.transfer, datastore, ownFiles)
        try refuseUnknownRuns(snapshot)
        for tag in tags { try refuseUnknown(tag.ids, in: tag.collection) }
        for range in ranges { try refuseUnknown(range.ids, in: range.collection) }
    }

    private static func records(
        _ file: ExportFile, _ options: DirectButler.ImportOptions, _ universe: DimensionUniverse
    ) throws -> (records: [DimensionRecord], warnings: [String]) {
        var records: [DimensionRecord] = []
        var warnings: [String] = []
        for name in options.skippedElements.sorted() { _ = try universe.requireElement(name) }
        var ignored: Set<String> = []
        for section in file.records {
            let element = try universe.requireElement(section.element)
            if options.skippedElements.contains(element.name) { continue }
            for fields in section.records {
                let exported = try ExportedRecord(fields, element)
                records.append(exported.record)
                for name in exported.ignored where ignored.insert("\(element.name).\(name)").inserted {
                    warnings.append("Column '\(name)' of '\(element.name)' does not exist in this repository; left out.")
                }
            }
        }
        records.sort { $0.element.position < $1.element.position }
        return (records, warnings)
    }

    /// Looks at all datasets, batch by batch. What a batch contradicts here is told of when all could be read.
    private mutating func look(
        at snapshot: RegistrySnapshot, _ transfer: ArtifactTransfer, _ datastore: (any Datastore)?, _ ownFiles: [String]
    ) throws {
        var wanted = Set(tags.lazy.flatMap(\.ids))
        wanted.formUnion(ranges.lazy.flatMap(\.ids))
        var repetitions = RepetitionSearch(count: datasets.count)
        var formatters: Set<String> = []
        var places = FilePlaces()
        var stored: (any Error)?
        for number in 0..<datasets.batchCount {
            let batch = try datasets.batch(number, snapshot)
            repetitions.add(batch.refs)
            for ref in batch.refs where wanted.contains(ref.id) && members[ref.id] == nil {
                members[ref.id] = ref.with(dataID: DataCoordinate(group: ref.dataID.group, values: ref.dataID.values))
            }
            guard let datastore else { continue }
            formatters.formUnion(batch.files.lazy.compactMap(\.formatter))
            try Self.note(&stored) { try snapshot.refuseStored(batch.refs, in: datastore) }
            try Self.note(&objection) {
                if transfer == .auto {
                    try datastore.add(batch.files.lazy.map { ($0.location, $0.refs) }, to: &places)
                } else {
                    try snapshot.refuseOwnFiles(batch.files.map(\.location), .all(transfer), in: datastore, ownFiles)
                }
            }
        }
        suspects = repetitions.suspects()
        transfers = transfer == .auto ? places.transfers : .all(transfer)
        guard let datastore else { return }
        for formatter in formatters.sorted() where !datastore.knowsFormatter(formatter) {
            warnings.append(
                "'\(formatter)' is not known here nor configured; readers need a Python formatter of that name, and whoever "
                    + "reads with Python calls it. Look where the export comes from.")
        }
        if let stored { throw stored }
    }

    /// Keeps the first error of several calls. One of the database ends all.
    private static func note(_ first: inout (any Error)?, _ body: () throws -> Void) throws {
        guard first == nil else { return }
        do {
            try body()
        } catch let error as DatabaseError {
            throw error
        } catch { first = error }
    }

    /// A run that the file does not define must be there: what is known of it, such as its documentation, would be lost.
    private func refuseUnknownRuns(_ snapshot: RegistrySnapshot) throws {
        let defined = Set(names: collections.map(\.name))
        for run in datasets.runs.subtracting(defined).sortedTexts() where !snapshot.hasCollection(run) {
            throw ExportFileError.undefinedRun(run)
        }
    }

    private func refuseUnknown(_ ids: [DatasetID], in collection: String) throws {
        for id in ids where members[id] == nil {
            throw ExportFileError.unknownDataset(id: id.description, collection: collection)
        }
    }

    /// Those of a tag or range.
    func refs(of ids: some Sequence<DatasetID>) -> [DatasetRef] { ids.compactMap { members[$0] } }

    // MARK: Writing

    /// Writes what the datasets need.
    func prepare(_ writer: RegistryWriter) throws {
        for type in types { try writer.registerDatasetType(type) }
        for collection in collections {
            try writer.registerCollection(
                collection.name, type: collection.type, documentation: collection.documentation)
        }
        for run in datasets.runs.sortedTexts() { try writer.registerCollection(run, type: .run) }
        if !records.isEmpty { try writer.insert(records, onConflict: .skip) }
    }

    /// Makes datasets members of collections. Chains come last, as others that edit them wait for the end.
    func associate(_ writer: RegistryWriter) throws {
        for tag in tags {
            if tag.ids.isEmpty { try writer.associate([], with: tag.collection) }
            for ids in tag.ids.pieces(of: BatchSpool.batchSize) {
                try writer.associate(refs(of: ids), with: tag.collection)
            }
        }
        for range in ranges { try writer.certify(refs(of: range.ids), in: range.collection, timespan: range.timespan) }
        let chains = collections.filter { $0.type == .chained }
        try writer.setChains(chains.map { (name: $0.name, children: $0.children) })
    }
}
