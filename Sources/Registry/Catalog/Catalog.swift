import ButlerModel
import ByteText
import Database

/// The small tables of a registry, held in memory as of one database state: collections, chains, dataset types and
/// summaries, and the records of cached dimensions.
///
/// A catalog is immutable. It is used only by transactions that see the same database state as the one it was read
/// in; ``CatalogCache`` enforces that.
package struct Catalog: Sendable {
    package var collections = CollectionCatalog()
    package var datasetTypes = DatasetTypeCatalog()
    package var summaries = SummaryCatalog()
    /// Who may read which collections; `nil` when everyone may read all, and in what one viewer sees.
    package var access: CollectionAccess?
    /// For each dataset type of which hidden runs may hold datasets: the visible runs that may hold some.
    package var visibleRuns: [Int64: [Int64]] = [:]

    /// The summary of a collection; for a chain, the union of its members'.
    package func summary(of entry: CollectionCatalog.Entry, universe: DimensionUniverse) -> CollectionSummary {
        var summary = CollectionSummary()
        for member in collections.flattened([entry]) {
            // Governor values without any dataset type are left over from datasets that were removed.
            guard !summaries.datasetTypes(in: member.key).isEmpty else { continue }
            for key in summaries.datasetTypes(in: member.key) {
                if let stored = datasetTypes.byKey[key] { summary.datasetTypes.insert(stored.type.name) }
            }
            for (position, values) in summaries.governors(in: member.key) {
                summary.governors[universe.elements[position].name, default: []].formUnion(values)
            }
        }
        return summary
    }

    /// Answers a search for collections.
    package func info(_ search: CollectionSearch, universe: DimensionUniverse) throws(ButlerError) -> [CollectionInfo] {
        var entries = try collections.matching(search.patterns, forFlattening: search.flattenChains)
        if search.flattenChains {
            entries = collections.flattened(entries, includingChains: search.includeChains)
        } else if !search.includeChains {
            entries.removeAll { $0.type == .chained }
        }
        return entries.filter { search.types.contains($0.type) }.map { entry in
            var datasetTypes: Set<String>?
            if search.includeSummary {
                let all = summary(of: entry, universe: universe).datasetTypes
                datasetTypes = search.summaryDatasetTypes.map { all.intersection($0) } ?? all
            }
            return CollectionInfo(
                name: entry.name, type: entry.type,
                documentation: search.includeDocumentation ? entry.documentation ?? "" : "",
                children: collections.children(of: entry).map(\.name),
                parents: search.includeParents ? Set(names: collections.parents(of: entry).map(\.name)) : nil,
                datasetTypes: datasetTypes)
        }
    }
}
