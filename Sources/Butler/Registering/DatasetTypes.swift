public import ButlerModel
import Registry
import RepositoryConfiguration

extension DirectButler {
    /// Makes sure that a dataset type exists.
    ///
    ///     try await butler.register("calexp", ["visit", "detector"], storageClass: "ExposureF")
    ///
    /// - Parameters:
    ///   - dimensions: names, completed by those that they require and imply.
    ///   - storageClass: one that the repository's configuration defines.
    /// - Returns: whether it is new.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when one of this name is defined otherwise, of kind
    ///   `datasetTypeExpression` for a name that cannot be one, of kind `dimensionName` for unknown dimensions;
    ///   `ConfigurationError` for an unknown storage class.
    @discardableResult
    public func register(
        _ datasetType: String, _ dimensions: [String], storageClass: String, isCalibration: Bool = false
    ) async throws -> Bool {
        try await register(
            try DatasetType(
                name: datasetType, dimensions: try universe.group(dimensions), storageClass: storageClass,
                isCalibration: isCalibration))
    }

    /// Makes sure that a dataset type exists.
    ///
    /// - Parameter isRehearsal: whether only to tell what would happen.
    @discardableResult
    public func register(_ datasetType: DatasetType, isRehearsal: Bool = false) async throws -> Bool {
        let check: @Sendable (Bool) throws -> Bool = { [configuration] isNew in
            // Of types that exist already the storage class is whatever it is.
            if isNew {
                _ = try configuration.storageClasses().definition(
                    named: datasetType.storageClass, usedBy: "dataset type '\(datasetType.name)'")
            }
            return isNew
        }
        if isRehearsal { return try await registry.read { try check(try $0.wouldRegister(datasetType)) } }
        return try await transaction { try check(try $0.registry.registerDatasetType(datasetType)) }
    }

    /// Removes the definitions of dataset types of which there are no datasets.
    ///
    /// - Parameter patterns: names and globs; those that match nothing are passed over.
    /// - Returns: the names of the types that were removed.
    /// - Throws: `ButlerError` of kind `orphanedRecord` when there are datasets of one of them; then none is removed.
    @discardableResult
    public func removeDatasetTypes(_ patterns: [String], isRehearsal: Bool = false) async throws -> [String] {
        if isRehearsal { return try await registry.read { try $0.wouldRemoveDatasetTypes(patterns) } }
        return try await transaction { try $0.registry.removeDatasetTypes(patterns) }
    }
}
