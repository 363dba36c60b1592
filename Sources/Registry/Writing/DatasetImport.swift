import ButlerModel
import Database

/// Datasets that come with identifiers from elsewhere. Source: repository format reference, section 7.3.
extension RegistryWriter {
    /// Makes datasets with the identifiers they have, except those that exist already as the same.
    ///
    /// Dataset types and runs must exist. Cost: three statements for five thousand datasets, and one a new dataset.
    /// - Returns: the number of new datasets.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when an identifier belongs to another dataset, or a run
    ///   has another dataset of the same type and data ID; what ``insert(_:)`` throws.
    @discardableResult
    public func importDatasets(_ refs: [DatasetRef]) throws -> Int {
        var count = 0
        for chunk in refs.chunked(by: 5000) {
            let known = Dictionary(
                try snapshot.datasets(chunk.map(\.id)).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            if known.isEmpty {
                try insert(chunk)
                count += chunk.count
                continue
            }
            var missing: [DatasetRef] = []
            for ref in chunk {
                guard let held = known[ref.id] else {
                    missing.append(ref)
                    continue
                }
                try ref.requireSame(as: held)
            }
            if !missing.isEmpty { try insert(missing) }
            // As upstream, also those that existed but were not in the table yet.
            if missing.count < chunk.count { try addToObsCore(chunk) }
            count += missing.count
        }
        return count
    }
}
