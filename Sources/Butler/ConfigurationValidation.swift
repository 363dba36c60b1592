import ButlerModel
import Datastore
import Registry
import RepositoryConfiguration

extension DirectButler {
    /// What is wrong with the configuration of the repository: dataset types that it could not write, and entries of its
    /// datastores for names that are neither dataset types nor storage classes.
    ///
    /// - Parameters:
    ///   - datasetTypes: names of those to look at, and with them the entries for these names; none means all.
    ///   - ignored: names of dataset types and entries that are passed over.
    /// - Returns: a sentence for each problem.
    /// - Throws: `ButlerError` of kind `missingDatasetType`, `ConfigurationError` for a configuration that cannot be used
    ///   at all.
    public func configurationProblems(
        datasetTypes: [String] = [], ignored: Set<String> = []
    ) async throws -> [String] {
        let (all, instruments) = try await registry.read { snapshot in
            var instruments: [String] = []
            if let element = snapshot.universe.element("instrument") {
                try snapshot.records(of: element, matching: [:]) { record in
                    if case .string(let name)? = record.requiredValues.first { instruments.append(name) }
                    return true
                }
            }
            return (try snapshot.datasetTypes(matching: ["*"]).found, instruments)
        }
        let known = Set(all.map(\.name))
        for name in datasetTypes where !known.contains(name) {
            throw ButlerError(.missingDatasetType, "Dataset type '\(name)' does not exist.")
        }
        let types = all.filter {
            (datasetTypes.isEmpty || datasetTypes.contains($0.name)) && !ignored.contains($0.name)
        }
        let storageClasses = try configuration.storageClasses()
        var problems: [String] = []
        for files in try datastore().files {
            problems += files.problems(with: types, instruments: instruments)
            for key in files.lookupKeys {
                if case .name(let name) = key.subject {
                    // Groups with dimensions of another universe count as names with a plus; they match nothing.
                    if ignored.contains(name) || name.contains("+") { continue }
                    if !datasetTypes.isEmpty, !datasetTypes.contains(name) { continue }
                    if !known.contains(name), storageClasses[name] == nil {
                        problems.append("Key '\(key)' does not correspond to a DatasetType or StorageClass")
                    }
                }
                guard let restriction = key.restriction else { continue }
                if restriction.key != "instrument" {
                    problems.append("Key '\(key)' has unsupported DataId override")
                } else if !instruments.contains(restriction.value) {
                    problems.append("Key '\(key)' has unknown instrument")
                }
            }
        }
        var seen: Set<String> = []
        return problems.filter { seen.insert($0).inserted }
    }
}
