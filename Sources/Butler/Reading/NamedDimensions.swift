import ButlerModel
import Datastore
import Registry

/// The usual dimensions of a data ID by their names. What is not given is not part of the data ID.
public struct NamedDimensions: Sendable {
    public private(set) var dataID: [String: DataIDValue] = [:]

    /// - Parameters:
    ///   - instrument, physicalFilter, detector, exposure, visit, group, dayObs: of observations.
    ///   - band: of the sky's light.
    ///   - skymap, tract, patch: of the sky's regions.
    public init(
        instrument: String? = nil, exposure: Int64? = nil, visit: Int64? = nil, detector: Int64? = nil,
        physicalFilter: String? = nil, band: String? = nil, group: String? = nil, dayObs: Int64? = nil,
        skymap: String? = nil, tract: Int64? = nil, patch: Int64? = nil
    ) {
        for (name, value) in [
            ("instrument", instrument), ("physical_filter", physicalFilter), ("band", band), ("group", group),
            ("skymap", skymap),
        ] {
            dataID[name] = value.map { .string($0) }
        }
        for (name, value) in [
            ("exposure", exposure), ("visit", visit), ("detector", detector), ("day_obs", dayObs), ("tract", tract),
            ("patch", patch),
        ] {
            dataID[name] = value.map { .int($0) }
        }
    }
}

extension Butler {
    /// Finds a dataset and reads it as a type of the caller's choice.
    ///
    ///     let image = try await butler.get(FITSImage.self, "calexp", visit: 903334, detector: 20)
    ///
    /// Throws as ``get(_:_:_:collections:time:parameters:storageClass:)``, which takes any data ID.
    @_disfavoredOverload
    public func get<Value: ReadableDataset>(
        _ type: Value.Type, _ datasetType: String, instrument: String? = nil, exposure: Int64? = nil,
        visit: Int64? = nil, detector: Int64? = nil, physicalFilter: String? = nil, band: String? = nil,
        skymap: String? = nil, tract: Int64? = nil, patch: Int64? = nil, collections: [String]? = nil,
        time: CalibrationTime = .ofDataID, parameters: ReadParameters = ReadParameters(), storageClass: String? = nil
    ) async throws -> Value {
        let named = NamedDimensions(
            instrument: instrument, exposure: exposure, visit: visit, detector: detector,
            physicalFilter: physicalFilter, band: band, skymap: skymap, tract: tract, patch: patch)
        return try await get(
            type, datasetType, named.dataID, collections: collections, time: time, parameters: parameters,
            storageClass: storageClass)
    }

    /// Keeps a new dataset: its file and all that the registry records about it, or neither.
    ///
    ///     let ref = try await butler.put(.text("clouds"), "log", NamedDimensions(visit: 903334), run: "u/ann/notes")
    @discardableResult
    public func put(
        _ value: DatasetValue, _ datasetType: String, _ dimensions: NamedDimensions, run: String
    ) async throws -> DatasetRef {
        try await put(value, datasetType, dataID: dimensions.dataID, run: run)
    }
}
