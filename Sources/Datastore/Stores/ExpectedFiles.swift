import ButlerModel
import ObjectStorage
import RepositoryConfiguration

/// Where the files of a dataset would be, by configuration alone.
extension FileDatastore {
    /// The records that a dataset written now would get, without sizes: one, or one for each component of a composite
    /// that is taken apart.
    ///
    /// - Parameter ref: with an expanded data ID.
    /// - Throws: ``DatastoreError`` when there is no template or formatter, and for a formatter whose extension is not
    ///   known here.
    public func expectedFiles(of ref: DatasetRef) throws -> [StoredFileInfo] {
        let definition = try storageClasses.definition(
            named: ref.datasetType.storageClass, usedBy: "dataset type '\(ref.datasetType.name)'")
        guard disassembles(ref, definition) else { return [try expectedFile(of: ref, component: nil)] }
        return try definition.components.compactMap { component in
            try componentRef(component.name, of: ref, definition).map {
                try expectedFile(of: $0, component: component.name)
            }
        }
    }

    private func expectedFile(of ref: DatasetRef, component: String?) throws -> StoredFileInfo {
        let formatter = try formatter(for: ref)
        guard let pathExtension = FormatterCatalog.writtenExtension(formatter) else {
            throw DatastoreError.unwritable(
                dataset: ref.description, formatter: formatter.className,
                reason: "the extension of its files is known to Python alone; ingest a finished file")
        }
        let path = try ArtifactLocation.path(try template(for: ref).path(for: ref), extension: pathExtension, isNew: false)
        return StoredFileInfo(
            formatter: formatter.className, path: path.description, storageClass: ref.datasetType.storageClass,
            component: component)
    }

    /// The files of a dataset without records, found by their names. `nil` when there are none, and in a datastore that
    /// does not trust requests (`trust_get_request`).
    ///
    /// Of a composite that is taken apart, the components that are there count.
    public func guess(_ ref: DatasetRef) async throws -> StoredDataset? {
        guard configuration.trustsGetRequests, accepts(ref) else { return nil }
        var found: [StoredFileInfo] = []
        for info in try expectedFiles(of: ref) where try await size(of: info) != nil { found.append(info) }
        return found.isEmpty ? nil : StoredDataset(id: ref.id, datastore: self, infos: found)
    }

    /// Whether a dataset is written as one file for each component.
    func disassembles(_ ref: DatasetRef, _ definition: StorageClassDefinition) -> Bool {
        definition.isComposite && (disassembled.match(LookupSubject(ref))?.value ?? configuration.composites.fallback)
    }

    /// The reference that chooses template and formatter of a component; `nil` for a component of no storage class.
    func componentRef(
        _ component: String, of ref: DatasetRef, _ definition: StorageClassDefinition
    ) throws -> DatasetRef? {
        guard let part = storageClasses.component(component, of: definition.name) else { return nil }
        let type = try DatasetType(
            name: ref.datasetType.name + "." + component, dimensions: ref.datasetType.dimensions,
            storageClass: part.name, parentStorageClass: definition.name, isCalibration: ref.datasetType.isCalibration)
        return DatasetRef(id: ref.id, datasetType: type, dataID: ref.dataID, run: ref.run)
    }
}

extension Datastore {
    /// The path that a new file gets which is recorded elsewhere, by the template of the part that accepts the dataset.
    ///
    /// - Parameter ref: with an expanded data ID.
    /// - Throws: ``DatastoreError/rejected(dataset:datastore:)``, and for templates that give no path.
    public func pathForFile(_ info: StoredFileInfo, of ref: DatasetRef, pathExtension: String) throws -> String {
        guard let files = accepting(LookupSubject(ref)).first else {
            throw DatastoreError.rejected(dataset: ref.description, datastore: name)
        }
        var subject = ref
        if let component = info.component, let whole = files.storageClasses[ref.datasetType.storageClass] {
            subject = try files.componentRef(component, of: ref, whole) ?? ref
        }
        return try ArtifactLocation.path(
            try files.template(for: subject).path(for: subject), extension: pathExtension
        ).description
    }
}
