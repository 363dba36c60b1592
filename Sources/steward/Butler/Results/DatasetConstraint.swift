import Butler
import ButlerModel
import Registry

/// The dataset types that `--datasets` means, and where `--collections` has them searched.
struct DatasetConstraint: Sendable {
    /// By name.
    let types: [DatasetType]
    /// For each type that may be in any collection, those collections, in search order.
    let searches: [(type: String, collections: [String])]
    /// All collections that were looked at.
    let collections: [String]

    /// - Parameters:
    ///   - pattern: a name or glob of dataset types; one that does not exist means none.
    ///   - collections: names and globs; none means all.
    init(_ pattern: String, _ collections: [String], in snapshot: RegistrySnapshot) throws {
        types = try DatasetTypeSelection([pattern], in: snapshot).found
        let infos = try snapshot.collectionInfo(
            CollectionSearch(
                collections.isEmpty ? ["*"] : collections, includeSummary: true,
                summaryDatasetTypes: Set(types.map(\.name))))
        self.collections = infos.map(\.name)
        searches = types.map(\.name).map { name in
            (name, infos.filter { $0.datasetTypes?.contains(name) == true }.map(\.name))
        }.filter { !$0.1.isEmpty }
    }

    /// The query with all searches joined.
    func join(to query: Query) -> Query {
        searches.reduce(query) { $0.joinDatasets($1.type, in: $1.collections) }
    }

    /// The names of the dimensions that all types have.
    var commonDimensions: [String] {
        guard let first = types.first else { return [] }
        return first.dimensions.names.filter { name in types.allSatisfy { $0.dimensions.contains(name) } }
    }
}
