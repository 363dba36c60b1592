import ButlerModel
import FITS
import ObjectStorage
import RepositoryConfiguration

/// A dataset in one file datastore, as its records describe it.
public struct StoredDataset: Sendable {
    public let id: DatasetID
    public let datastore: FileDatastore
    /// One for a dataset in one file; one for each component of a disassembled composite.
    public let infos: [StoredFileInfo]

    public init(id: DatasetID, datastore: FileDatastore, infos: [StoredFileInfo]) {
        self.id = id
        self.datastore = datastore
        self.infos = infos
    }

    /// Whether the components are in files of their own.
    public var isDisassembled: Bool { infos.contains { $0.component != nil } }

    /// Absolute location of each file; the key is the component, empty for a dataset in one file.
    public func locations() throws -> [String: ResourceURI] {
        var locations: [String: ResourceURI] = [:]
        for info in infos { locations[info.component ?? ""] = try datastore.location(of: info) }
        return locations
    }

    /// Whether every file is there. Sizes are not looked at.
    public func exists() async throws -> Bool {
        for info in infos where try await datastore.size(of: info) == nil { return false }
        return !infos.isEmpty
    }

    /// Checks that every file is there and has the recorded size.
    ///
    /// - Throws: ``DatastoreError/missingArtifact(path:dataset:)``, ``DatastoreError/fileIntegrity(path:expected:found:)``.
    public func check(_ ref: DatasetRef) async throws {
        for info in infos { _ = try await datastore.artifact(info, of: ref.description) }
    }

    /// The dataset or a part of it. A disassembled composite is put together if its delegate can do that, or else is
    /// read as a composite.
    ///
    /// - Parameter ref: for messages; a component reference reads that component.
    /// - Throws: ``DatastoreError``: no such component, a component that only Python can make, a parameter that the
    ///   storage class does not know, a missing or damaged file.
    public func read(_ ref: DatasetRef, _ request: ReadRequest) async throws -> DatasetValue {
        let component = request.component ?? ref.datasetType.nameAndComponent.component
        guard let first = infos.first else {
            throw DatastoreError.notStored(dataset: ref.description, datastore: datastore.name)
        }
        let classes = datastore.storageClasses
        guard isDisassembled else {
            if let part = try await datastore.tablePart(component, request.parameters, first, ref) {
                let recorded = component.flatMap { classes[first.storageClass]?.component(named: $0) }
                return try classes.finish(
                    part, recorded: recorded ?? first.storageClass, request, dataset: ref.description)
            }
            let value = try await datastore.read(first, of: ref)
            guard let component else {
                return try classes.finish(
                    value, recorded: first.storageClass, request, dataset: ref.description)
            }
            let definition = classes[first.storageClass]
            return try classes.finish(
                try Self.derive(component, from: value, definition, ref),
                recorded: definition?.component(named: component) ?? first.storageClass, request,
                dataset: ref.description)
        }
        // The components have the storage class of a member; that of the whole is the dataset type's.
        let whole = classes[ref.datasetType.parentStorageClass ?? ref.datasetType.storageClass]
        let delegate = DelegateCatalog.delegate(for: whole)
        if let component {
            if let info = infos.first(where: { $0.component == component }) {
                return try classes.finish(
                    try await datastore.read(info, of: ref), recorded: info.storageClass, request,
                    dataset: ref.description)
            }
            guard let name = delegate.source(ofDerived: component),
                let info = infos.first(where: { $0.component == name })
            else { throw Self.unknown(component, known: infos.compactMap(\.component).sorted(), whole, ref) }
            return try classes.finish(
                try Self.derive(component, from: try await datastore.read(info, of: ref), whole, ref),
                recorded: whole?.component(named: component) ?? info.storageClass, request, dataset: ref.description)
        }
        var components: [String: DatasetValue] = [:]
        for info in infos {
            guard let name = info.component else {
                throw DatastoreError.malformedRecord(
                    dataset: ref.description, reason: "some of its files hold components and '\(info.path)' does not")
            }
            components[name] = try await datastore.read(info, of: ref)
        }
        return try classes.finish(
            try delegate.whole(components),
            recorded: whole?.name ?? ref.datasetType.storageClass, request, dataset: ref.description)
    }

    /// A component of a value in memory.
    static func derive(
        _ component: String, from value: DatasetValue, _ definition: StorageClassDefinition?, _ ref: DatasetRef
    ) throws -> DatasetValue {
        let known = ((definition?.components ?? []) + (definition?.derivedComponents ?? [])).map(\.name)
        guard known.contains(component) else { throw unknown(component, known: known, definition, ref) }
        do {
            let delegate = DelegateCatalog.delegate(for: definition)
            if let part = try delegate.component(component, of: value) { return part }
        } catch let error as FITSError {
            throw DatastoreError.underivable(
                dataset: ref.description, component: component,
                maker: "\(definition?.delegate ?? "formatter") (here: \(error))")
        }
        throw unknown(component, known: known, definition, ref)
    }

    /// Why a component is not there: its storage class has none of this name, or only Python can make it.
    private static func unknown(
        _ component: String, known: [String], _ definition: StorageClassDefinition?, _ ref: DatasetRef
    ) -> DatastoreError {
        let isDerived = definition?.derivedComponents.contains { $0.name == component } ?? false
        let isOfArchive = known.contains(component) && definition?.delegate != nil
        guard isDerived || isOfArchive else {
            return .noComponent(dataset: ref.description, component: component, known: known)
        }
        return .underivable(
            dataset: ref.description, component: component,
            maker: definition?.delegate ?? "delegate of storage class '\(definition?.name ?? "")'")
    }
}
