import ButlerModel
import QueryModel
import Registry

/// A dataset search with its path resolved to the collections that can have something.
struct ResolvedSearch: Sendable {
    let stored: StoredDatasetType
    /// The path as the query gives it.
    let path: [String]
    /// In search order, without chains and without those that summaries exclude.
    var collections: [CollectionCatalog.Entry]
    /// The runs whose datasets may be found in other collections; `nil` for all.
    let visibleRuns: [Int64]?
    /// Why collections were left out.
    var messages: [String]

    var name: String { stored.type.name }
    var dimensions: DimensionGroup { stored.type.dimensions }
    var isCalibrationSearch: Bool { collections.contains { $0.type == .calibration } }
    var isRunSearch: Bool { collections.allSatisfy { $0.type == .run } }

    /// The explanation of a search without any collection left.
    var doom: [String] {
        guard collections.isEmpty else { return [] }
        let list = path.map { "'\($0)'" }.joined(separator: ", ")
        return ["Search for dataset type '\(name)' in [\(list)] is doomed to fail."] + messages
    }

    /// - Parameters:
    ///   - dataID: values that all rows have; governors among them exclude collections.
    ///   - types: the keys of all dataset types of the query. As upstream, governors are looked at only in collections
    ///     that have one of them.
    /// - Throws: `ButlerError` of kind `missingCollection` or `missingDatasetType` for unknown names, `invalidQuery` when
    ///   the query has other dimensions for the type.
    init(_ search: DatasetSearch, dataID: [Int: DataIDValue], types: Set<Int64>, catalog: Catalog)
        throws(ButlerError)
    {
        stored = try catalog.datasetTypes.require(search.datasetType)
        guard stored.type.dimensions == search.dimensions else {
            throw ButlerError(
                .invalidQuery,
                "Incorrect dimensions \(search.dimensions) for dataset '\(search.datasetType)' in query "
                    + "(vs. \(stored.type.dimensions)).")
        }
        visibleRuns = catalog.visibleRuns[stored.key]
        path = search.collections
        collections = []
        messages = []
        var roots: [CollectionCatalog.Entry] = []
        for name in search.collections { roots.append(try catalog.collections.require(name)) }
        let candidates = catalog.collections.flattened(roots)
        if candidates.isEmpty { messages.append("No datasets can be found because collection list is empty.") }
        for collection in candidates {
            let reasons = obstacles(collection, dataID, types, catalog.summaries)
            if reasons.isEmpty { collections.append(collection) } else { messages += reasons }
        }
    }

    private func obstacles(
        _ collection: CollectionCatalog.Entry, _ dataID: [Int: DataIDValue], _ types: Set<Int64>,
        _ summaries: SummaryCatalog
    ) -> [String] {
        var reasons: [String] = []
        let here = summaries.datasetTypes(in: collection.key)
        if !here.contains(stored.key) {
            reasons.append("No datasets of type '\(name)' in collection '\(collection.name)'.")
        }
        guard !here.isDisjoint(with: types) else { return reasons }
        let known = summaries.governors(in: collection.key)
        for position in dimensions.governors {
            guard let wanted = dataID[position]?.stringValue, let values = known[position], !values.contains(wanted)
            else { continue }
            let governor = dimensions.universe.elements[position]
            reasons.append("No datasets with \(governor.name)='\(wanted)' in collection '\(collection.name)'.")
        }
        return reasons
    }
}
