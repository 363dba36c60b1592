import ButlerModel
import Datastore
import Foundation
import ObjectStorage
import Registry

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
    /// their files. Chains that exist get the members that the file gives. Memory: what the file says.
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
        let path = try exportFile(options)
        let store = try POSIXObjectStore(root: try ResourceURI(localPath: "/"))
        var file = try ExportFile(yaml: try await store.read(try ObjectPath(String(path.drop { $0 == "/" }))))
        for warning in try ExportMigration.run(&file, universe: universe) { warn(warning) }
        let datastore = try await presentDatastore()
        let content = file
        let plan = try await registry.read { snapshot in
            try ImportPlan(content, options, snapshot, datastore: options.isWithoutFiles ? nil : datastore)
        }
        for warning in plan.warnings { warn(warning) }
        try Self.refuseRepetitions(plan.refs)
        try plan.refuseContradictions()
        let transfers =
            options.transfer == .auto
            ? try datastore.automaticTransfer(of: plan.files.lazy.map { ($0.location, $0.refs) }) : .all(options.transfer)
        let ownFiles = repositoryFiles
        try await registry.read {
            try $0.refuseOwnFiles(plan.files.map(\.location), transfers, in: datastore, ownFiles)
        }
        if options.isDryRun {
            try await foresee(plan, options, transfers, progress: progress)
            return plan.refs.count
        }
        let intake = try await intake { intake in
            if options.isWithoutFiles {
                for refs in plan.refs.pieces(of: BatchSpool.batchSize) {
                    try await intake.add(refs, StagedArtifacts([StagedDataset]()))
                }
                return
            }
            for files in plan.files.pieces(of: BatchSpool.batchSize) {
                let staged = try await datastore.stage(
                    files, transfers: transfers, recordsAttributes: options.recordsAttributes, jobs: options.jobs)
                try await intake.add(files.flatMap(\.refs), staged)
                progress(files.count, plan.files.count)
            }
        }
        try await intake.commit(first: { try plan.prepare($0) }, last: { try plan.associate($0) })
        return plan.refs.count
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
    private(set) var records: [DimensionRecord] = []
    private(set) var refs: [DatasetRef] = []
    private(set) var files: [FileDatastore.IncomingFile] = []
    private(set) var tags: [(collection: String, refs: [DatasetRef])] = []
    private(set) var ranges: [(range: ExportFile.ValidityRange, refs: [DatasetRef])] = []
    private(set) var warnings: [String] = []

    /// - Parameter datastore: where files go; `nil` when they are not taken in.
    init(
        _ file: ExportFile, _ options: DirectButler.ImportOptions, _ snapshot: RegistrySnapshot,
        datastore: (any Datastore)?
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
        try addRecords(file, options, universe)
        try addDatasets(file, options, snapshot, known, datastore)
        try refuseUnknownRuns(snapshot)
        try addAssociations(file)
    }

    private mutating func addRecords(
        _ file: ExportFile, _ options: DirectButler.ImportOptions, _ universe: DimensionUniverse
    ) throws {
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
    }

    private mutating func addDatasets(
        _ file: ExportFile, _ options: DirectButler.ImportOptions, _ snapshot: RegistrySnapshot,
        _ known: [String: DatasetType], _ datastore: (any Datastore)?
    ) throws {
        let snapshot = snapshot.including(PendingRecords(records))
        let memory = RecordMemory()
        let folder = try options.directory.map {
            try ResourceURI(localPath: DirectButler.absolutePath($0)).asDirectory
        }
        for section in file.datasets {
            guard let type = known[section.datasetType] else { continue }
            for entry in section.files {
                let refs = try entry.datasets.map { dataset in
                    let dataID = try DataCoordinate.standardize(
                        dataset.dataID, group: type.dimensions, universe: snapshot.universe)
                    try snapshot.refuseContradictions(dataset.dataID, to: dataID)
                    return DatasetRef(
                        id: dataset.id, datasetType: type,
                        // Where files get a path, all that the path is made of is needed.
                        dataID: datastore == nil ? dataID : try snapshot.expand(dataID, remembering: memory),
                        run: section.run)
                }
                self.refs += refs
                guard datastore != nil else { continue }
                let file = FileDatastore.IncomingFile(
                    location: try Self.location(entry, folder, options.transfer), refs: refs,
                    formatter: entry.formatter)
                // A move takes away what a link leads to, which the export never held.
                if options.transfer == .move, file.isLinked(outOf: folder?.localPath) {
                    throw ExportFileError.badPath(
                        path: entry.path ?? "",
                        reason: "it is a symbolic link out of the export, and a move would take away what it leads to; "
                            + "import with the transfer 'copy'")
                }
                files.append(file)
            }
        }
        guard let datastore else { return }
        for formatter in Set(files.compactMap(\.formatter)).sorted() where !datastore.knowsFormatter(formatter) {
            warnings.append(
                "'\(formatter)' is not known here nor configured; readers need a Python formatter of that name, and whoever "
                    + "reads with Python calls it. Look where the export comes from.")
        }
        try snapshot.refuseStored(self.refs, in: datastore)
    }

    /// Where the file of a dataset is.
    ///
    /// A path may not leave the directory, whatever it looks like: the file would be one that the export never held.
    private static func location(
        _ entry: ExportFile.File, _ folder: ResourceURI?, _ transfer: ArtifactTransfer
    ) throws -> ResourceURI {
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

    /// A run that the file does not define must be there: what is known of it, such as its documentation, would be lost.
    private func refuseUnknownRuns(_ snapshot: RegistrySnapshot) throws {
        let defined = Set(collections.map(\.name))
        for run in Set(refs.map(\.run)).subtracting(defined).sorted() where !snapshot.hasCollection(run) {
            throw ExportFileError.undefinedRun(run)
        }
    }

    private mutating func addAssociations(_ file: ExportFile) throws {
        guard !file.tags.isEmpty || !file.validityRanges.isEmpty else { return }
        let byID = Dictionary(refs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        func members(_ ids: [DatasetID], _ collection: String) throws -> [DatasetRef] {
            try ids.map { id in
                guard let ref = byID[id] else {
                    throw ExportFileError.unknownDataset(id: id.description, collection: collection)
                }
                return ref
            }
        }
        for tag in file.tags { tags.append((tag.collection, try members(tag.ids, tag.collection))) }
        for range in file.validityRanges { ranges.append((range, try members(range.ids, range.collection))) }
    }

    // MARK: Writing

    /// Writes what the datasets need.
    func prepare(_ writer: RegistryWriter) throws {
        for type in types { try writer.registerDatasetType(type) }
        for collection in collections {
            try writer.registerCollection(
                collection.name, type: collection.type, documentation: collection.documentation)
        }
        for chain in collections where chain.type == .chained {
            try writer.setChain(chain.name, children: chain.children)
        }
        for run in Set(refs.map(\.run)).sorted() { try writer.registerCollection(run, type: .run) }
        if !records.isEmpty { try writer.insert(records, onConflict: .skip) }
    }

    /// Makes datasets members of collections.
    func associate(_ writer: RegistryWriter) throws {
        for (collection, refs) in tags { try writer.associate(refs, with: collection) }
        for (range, refs) in ranges { try writer.certify(refs, in: range.collection, timespan: range.timespan) }
    }
}
