import ButlerModel
import RepositoryConfiguration

/// What is wrong with the configuration of a datastore, as far as that can be told without any dataset.
extension FileDatastore {
    /// Dataset types that the datastore could not write: without a template, with one that could give two datasets one
    /// path, or without a formatter.
    ///
    /// - Parameter instruments: those that a configuration may have entries for.
    /// - Returns: a sentence for each problem, each once.
    public func problems(with types: [DatasetType], instruments: [String]) -> [String] {
        var found: [String] = []
        func report(_ problem: some CustomStringConvertible) {
            if !found.contains(problem.description) { found.append(problem.description) }
        }
        for type in types {
            let restricted = type.dimensions.contains("instrument") ? instruments : []
            for subject in [LookupSubject(type, instrument: nil)] + restricted.map({ LookupSubject(type, instrument: $0) }) {
                if let template = templates.match(subject)?.value ?? fallbackTemplate {
                    do { try template.validate(for: type) } catch { report(error) }
                } else {
                    report(DatastoreError.noTemplate(datasetType: type.name, datastore: name))
                }
                if formatters.match(subject) == nil {
                    report(
                        DatastoreError.noFormatter(
                            datasetType: type.name, storageClass: type.storageClass, datastore: name))
                }
            }
        }
        return found
    }

    /// The keys of templates, formatters and constraints, each once, in the order of the configuration.
    public var lookupKeys: [LookupKey] {
        var seen: Set<LookupKey> = []
        // "all" is no name.
        let constrained = constraints.accepted.union(constraints.rejected).filter { $0 != LookupKey(name: "all") }
            .sorted { $0.description < $1.description }
        return (templates.entries.map(\.key) + formatters.entries.map(\.key) + constrained).filter {
            seen.insert($0).inserted
        }
    }
}
