public import AstroTime
public import ButlerModel
import Registry

/// Datasets in TAGGED and CALIBRATION collections. Each method is one transaction.
extension DirectButler {
    /// Makes datasets members of a TAGGED collection; a dataset that is one already stays one.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when the collection has another dataset of the same type
    ///   and data ID, or a dataset does not exist.
    public func associate(_ datasets: [DatasetRef], with collection: String) async throws {
        try await transaction { try $0.registry.associate(datasets, with: collection) }
    }

    /// Takes datasets out of a TAGGED collection; those that are no members are left alone.
    /// - Returns: how many were members.
    @discardableResult
    public func disassociate(_ datasets: [DatasetRef], from collection: String) async throws -> Int {
        try await transaction { try $0.registry.disassociate(datasets, from: collection) }
    }

    /// Makes calibrations valid during a time, in a CALIBRATION collection.
    ///
    /// - Parameter timespan: TAI, half-open.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when another dataset of the same type and data ID is
    ///   valid during a part of that time, there or among `datasets`; of kind `datasetTypeExpression` for datasets that
    ///   are no calibrations.
    public func certify(_ datasets: [DatasetRef], in collection: String, for timespan: Timespan) async throws {
        try await transaction { try $0.registry.certify(datasets, in: collection, timespan: timespan) }
    }

    /// Clears a time in a CALIBRATION collection: datasets of the type that are valid during it are valid outside it
    /// only.
    ///
    /// - Parameters:
    ///   - timespan: TAI, half-open.
    ///   - dataIDs: those to clear, which need the type's required dimensions; `nil` for all.
    /// - Returns: how many validity ranges were cut or removed.
    @discardableResult
    public func decertify(
        _ datasetType: String, in collection: String, for timespan: Timespan, dataIDs: [[String: DataIDValue]]? = nil
    ) async throws -> Int {
        try await transaction { transaction in
            let writer = transaction.registry
            let type = try writer.snapshot.datasetType(datasetType)
            let keys = try dataIDs.map { try $0.map { try writer.snapshot.standardize($0, for: type) } }
            return try writer.decertify(datasetType, in: collection, timespan: timespan, dataIDs: keys)
        }
    }
}
