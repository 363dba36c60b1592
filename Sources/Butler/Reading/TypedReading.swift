import ButlerModel
import Datastore
import Registry

extension LimitedButler {
    /// Reads a dataset as a type of the caller's choice.
    ///
    ///     let image = try await butler.get(FITSImage.self, ref, component: "image")
    ///
    /// - Throws: as ``read(_:_:)``, and `DatastoreError.wrongType` for a dataset of another kind.
    public func get<Value: ReadableDataset>(
        _ type: Value.Type, _ ref: DatasetRef, component: String? = nil, parameters: ReadParameters = ReadParameters(),
        storageClass: String? = nil
    ) async throws -> Value {
        let value = try await read(
            ref, ReadRequest(component: component, parameters: parameters, storageClass: storageClass))
        return try value.converted(to: type, dataset: ref.description)
    }

    /// Whether a dataset is there, and what is known of it.
    public func exists(_ ref: DatasetRef, verifies: Bool = true) async throws -> DatasetExistence {
        try await exists([ref], verifies: verifies)[ref.id] ?? .unrecognized
    }

    /// A handle that reads when it is asked to.
    ///
    /// - Throws: `DatastoreError.notStored` when no datastore has the dataset.
    public func getDeferred(
        _ ref: DatasetRef, parameters: ReadParameters = ReadParameters(), storageClass: String? = nil
    ) async throws -> DeferredDataset {
        _ = try await locations(of: ref, predicts: false)
        return DeferredDataset(
            butler: self, ref: ref,
            request: ReadRequest(
                component: ref.datasetType.nameAndComponent.component, parameters: parameters,
                storageClass: storageClass))
    }
}

/// A dataset that has been found and not been read yet.
public struct DeferredDataset: Sendable {
    private let butler: any LimitedButler
    public let ref: DatasetRef
    private let request: ReadRequest

    init(butler: any LimitedButler, ref: DatasetRef, request: ReadRequest) {
        self.butler = butler
        self.ref = ref
        self.request = request
    }

    public var dataID: DataCoordinate { ref.dataID }

    /// Reads the dataset or a part of it. Where nothing is said, that of the handle counts.
    ///
    /// - Parameters:
    ///   - component: instead of the handle's own.
    ///   - parameters: instead of the handle's own.
    public func get<Value: ReadableDataset>(
        _ type: Value.Type = DatasetValue.self, component: String? = nil, parameters: ReadParameters? = nil,
        storageClass: String? = nil
    ) async throws -> Value {
        // The handle's storage class is that of the whole, and means nothing for a component of it.
        let ownClass = component == nil ? request.storageClass : nil
        return try await butler.get(
            type, ref, component: component ?? request.component, parameters: parameters ?? request.parameters,
            storageClass: storageClass ?? ownClass)
    }
}

extension Butler {
    /// Finds and reads a dataset, or the component that `parent.component` names.
    ///
    /// - Parameters:
    ///   - dataID: values of dimensions, and conditions on records such as `"exposure.obs_id"`.
    ///   - collections: names and globs, in search order; `nil` for the default collections.
    ///   - time: which validity ranges count, for calibration types.
    /// - Throws: `ButlerError` of kind `datasetNotFound` when there is none.
    public func get(
        _ datasetType: String, dataID: [String: DataIDValue], collections: [String]? = nil,
        time: CalibrationTime = .ofDataID
    ) async throws -> DatasetValue {
        let ref = try await requiredDataset(datasetType, dataID, collections, time)
        return try await get(ref, component: DatasetType.split(datasetType).component)
    }

    /// Finds a dataset and reads it as a type of the caller's choice.
    ///
    ///     let image = try await butler.get(FITSImage.self, "calexp", ["visit": 903334, "detector": 20])
    ///     let part = try await butler.get(
    ///         MaskedImage.self, "calexp", ["visit": 903334, "detector": 20],
    ///         parameters: ReadParameters(bbox: PixelBox(x: 100..<200, y: 50..<80)))
    ///
    /// - Throws: `ButlerError` of kind `datasetNotFound` when there is none, `DatastoreError.wrongType` for a dataset of
    ///   another kind.
    public func get<Value: ReadableDataset>(
        _ type: Value.Type, _ datasetType: String, _ dataID: [String: DataIDValue] = [:], collections: [String]? = nil,
        time: CalibrationTime = .ofDataID, parameters: ReadParameters = ReadParameters(), storageClass: String? = nil
    ) async throws -> Value {
        let ref = try await requiredDataset(datasetType, dataID, collections, time)
        return try await get(
            type, ref, component: DatasetType.split(datasetType).component, parameters: parameters,
            storageClass: storageClass)
    }

    /// Finds a dataset, to be read later.
    public func getDeferred(
        _ datasetType: String, _ dataID: [String: DataIDValue] = [:], collections: [String]? = nil,
        time: CalibrationTime = .ofDataID, parameters: ReadParameters = ReadParameters(), storageClass: String? = nil
    ) async throws -> DeferredDataset {
        let ref = try await requiredDataset(datasetType, dataID, collections, time)
        _ = try await locations(of: ref, predicts: false)
        return DeferredDataset(
            butler: self, ref: ref,
            request: ReadRequest(
                component: DatasetType.split(datasetType).component, parameters: parameters, storageClass: storageClass)
        )
    }

    /// Whether the collections hold such a dataset, and what is known of it. A data ID or dataset type that is not known
    /// gives ``DatasetExistence/unrecognized``.
    public func exists(
        _ datasetType: String, _ dataID: [String: DataIDValue] = [:], collections: [String]? = nil,
        time: CalibrationTime = .ofDataID, verifies: Bool = true
    ) async throws -> DatasetExistence {
        do {
            let found = try await findDataset(datasetType, dataID: dataID, collections: collections, time: time)
            guard let ref = found else { return .unrecognized }
            return try await exists(ref, verifies: verifies)
        } catch let error as ButlerError {
            switch error.kind {
            case .missingDatasetType, .dataIDValue, .dimensionValue, .dimensionName, .missingCollection,
                .inconsistentDataID, .datasetNotFound:
                return .unrecognized
            default: throw error
            }
        }
    }

    private func requiredDataset(
        _ datasetType: String, _ dataID: [String: DataIDValue], _ collections: [String]?, _ time: CalibrationTime
    ) async throws -> DatasetRef {
        if let ref = try await findDataset(datasetType, dataID: dataID, collections: collections, time: time) {
            return ref
        }
        let given = dataID.sorted { $0.key < $1.key }
            .map { "\($0.key): \($0.value.quotedDescription)" }.joined(separator: ", ")
        throw ButlerError(
            .datasetNotFound,
            "No dataset '\(datasetType)' with data ID {\(given)} in collections "
                + "'\((collections ?? defaults.collections).joined(separator: "', '"))'.")
    }
}
