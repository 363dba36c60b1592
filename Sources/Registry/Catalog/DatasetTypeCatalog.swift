import ButlerModel
import ByteText

/// A dataset type with the tables that hold its datasets.
package struct StoredDatasetType: Sendable {
    package let key: Int64
    package let type: DatasetType
    /// Membership in RUN and TAGGED collections.
    package let tagsTable: String
    /// Validity ranges in CALIBRATION collections; only for calibration types.
    package let calibsTable: String?
}

/// All dataset types of a repository as of one moment.
package struct DatasetTypeCatalog: Sendable {
    package private(set) var byName: [ExactName: StoredDatasetType] = [:]
    package private(set) var byKey: [Int64: StoredDatasetType] = [:]

    package mutating func add(_ stored: StoredDatasetType) {
        byName[ExactName(stored.type.name)] = stored
        byKey[stored.key] = stored
    }

    package subscript(name: String) -> StoredDatasetType? { byName[ExactName(name)] }

    /// - Throws: `ButlerError` of kind `missingDatasetType`, or `datasetTypeExpression` for an illegal name.
    package func require(_ name: String) throws(ButlerError) -> StoredDatasetType {
        if let stored = self[name] { return stored }
        try DatasetType.checkName(name)
        throw ButlerError(.missingDatasetType, "Dataset type '\(name)' does not exist.")
    }

    /// The types that match names and globs, ordered by name, and the names that do not exist.
    /// - Throws: `ButlerError` of kind `datasetTypeExpression` for component names and illegal names with a dot.
    package func matching(_ patterns: [String]) throws(ButlerError) -> (found: [StoredDatasetType], missing: [String]) {
        var found: [String: StoredDatasetType] = [:]
        var missing: [String] = []
        for pattern in patterns.map(NamePattern.init) {
            switch pattern {
            case .name(let name):
                guard DatasetType.split(name).component == nil else {
                    // Texts such as `...` are no names at all. Others that cannot be names are missing like any.
                    try DatasetType.checkName(name)
                    throw ButlerError(
                        .datasetTypeExpression,
                        "Component dataset types are not supported in searches; got '\(name)', use its parent.")
                }
                if let stored = self[name] { found[name] = stored } else { missing.append(name) }
            case .glob(let glob):
                for (name, stored) in byName where glob.matches(name.text) { found[name.text] = stored }
            }
        }
        return (found.values.sorted { $0.type.name < $1.type.name }, missing)
    }
}
