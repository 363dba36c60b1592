import ButlerModel
import ObjectStorage
import StructuredData

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

    /// The dataset, or one of its components. A disassembled composite is read as a composite.
    ///
    /// - Parameter ref: for messages; a component reference reads that component.
    /// - Throws: ``DatastoreError``: no such component, missing or damaged file.
    public func read(_ ref: DatasetRef, component: String? = nil) async throws -> DatasetValue {
        let component = component ?? ref.datasetType.nameAndComponent.component
        guard isDisassembled else {
            guard let info = infos.first else {
                throw DatastoreError.notStored(dataset: ref.description, datastore: datastore.name)
            }
            if let component, let part = try await datastore.tablePart(component, info, ref) { return part }
            let value = try await datastore.read(info, of: ref.description)
            return try component.map { try extract($0, from: value, info, ref) } ?? value
        }
        if let component {
            guard let info = infos.first(where: { $0.component == component }) else {
                throw DatastoreError.noComponent(
                    dataset: ref.description, component: component, known: infos.compactMap(\.component).sorted())
            }
            return try await datastore.read(info, of: ref.description)
        }
        var components: [String: DatasetValue] = [:]
        for info in infos {
            guard let name = info.component else {
                throw DatastoreError.malformedRecord(
                    dataset: ref.description, reason: "some of its files hold components and '\(info.path)' does not")
            }
            components[name] = try await datastore.read(info, of: ref.description)
        }
        return .composite(components)
    }

    /// A component of a dataset in one file: a member of the mapping that the file holds.
    private func extract(
        _ component: String, from value: DatasetValue, _ info: StoredFileInfo, _ ref: DatasetRef
    ) throws -> DatasetValue {
        let known = datastore.components(ofStorageClass: info.storageClass)
        guard known.contains(component), let member = value.structured?[component] else {
            throw DatastoreError.noComponent(dataset: ref.description, component: component, known: known)
        }
        return .structured(member)
    }
}
