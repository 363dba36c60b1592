import ButlerModel
import Datastore
import ObjectStorage

/// Where the files of a dataset are.
public struct DatasetLocations: Sendable, Hashable {
    /// The file of a dataset that is in one file.
    public var whole: ResourceURI?
    /// The files of a disassembled composite by component; empty for a dataset in one file.
    public var components: [String: ResourceURI]
    /// Whether nothing is recorded, and this is where the files would be written.
    public var isPredicted: Bool

    public init(whole: ResourceURI?, components: [String: ResourceURI] = [:], isPredicted: Bool = false) {
        self.whole = whole
        self.components = components
        self.isPredicted = isPredicted
    }
}

extension LimitedButler {
    /// The only file of a dataset, or that of a component.
    ///
    /// - Throws: `DatastoreError.notStored` where nothing is recorded; `DatastoreError.noComponent` for a dataset whose
    ///   components are in files of their own when none is asked for, and for a component that is in none of them.
    public func location(
        of ref: DatasetRef, component: String? = nil, predicts: Bool = false
    ) async throws -> ResourceURI {
        let locations = try await locations(of: ref, predicts: predicts)
        // A component of a dataset in one file is in that file.
        if let whole = locations.whole { return whole }
        let component = component ?? ref.datasetType.nameAndComponent.component
        guard let component, let uri = locations.components[component] else {
            throw DatastoreError.noComponent(
                dataset: ref.description, component: component ?? "(none: ask for one of its files)",
                known: locations.components.keys.sorted())
        }
        return uri
    }
}
