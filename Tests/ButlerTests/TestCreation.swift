import Butler
import DatabaseSupport
import RepositoryConfiguration
import StructuredData

/// How tests make a repository: on the database that they run on.
///
/// - Parameter seed: what its configuration holds besides.
func creation(_ seed: StructuredMapping = [:]) throws -> DirectButler.CreationOptions {
    var values = seed
    let registry = try TestDatabase.seed()
    if !registry.isEmpty { values = values.merging(try StructuredValue(yaml: registry).objectValue ?? [:]) }
    return .init(configuration: .init(seed: ConfigurationDocument(values: values)))
}
