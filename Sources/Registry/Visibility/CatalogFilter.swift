import ButlerModel
import ByteText
import Database

/// Makes the catalog that one viewer sees. What he may not see is absent from it.
///
/// Summaries tell only of datasets that he may see: where a hidden run, or a hidden dataset type, may be behind an entry,
/// the datasets themselves are asked.
struct CatalogFilter {
    let whole: Catalog
    let connection: any DatabaseConnection
    let universe: DimensionUniverse

    private var visible = Catalog()
    /// Dataset types that hidden runs may hold, and governor values of those runs.
    private var hiddenTypes = Set<Int64>()
    private var hiddenGovernors: [Int: Set<ExactName>] = [:]

    init(_ whole: Catalog, connection: any DatabaseConnection, universe: DimensionUniverse) {
        self.whole = whole
        self.connection = connection
        self.universe = universe
    }

    mutating func filtered(
        collections isVisible: (CollectionCatalog.Entry) -> Bool, types isShown: (DatasetType) -> Bool
    ) throws -> Catalog {
        visible = Catalog()
        for entry in whole.collections.entries {
            if isVisible(entry) { visible.collections.add(entry) } else if entry.type == .run { note(hidden: entry) }
        }
        for entry in visible.collections.entries where entry.type == .chained {
            for child in whole.collections.children(of: entry) where visible.collections[child.key] != nil {
                visible.collections.addLink(parent: entry.key, child: child.key)
            }
        }
        for stored in whole.datasetTypes.byKey.values where isShown(stored.type) { visible.datasetTypes.add(stored) }
        let runs = visible.collections.entries.filter { $0.type == .run }
        for type in hiddenTypes where visible.datasetTypes.byKey[type] != nil {
            visible.visibleRuns[type] = runs.map(\.key).filter {
                whole.summaries.datasetTypes(in: $0).contains(type)
            }
        }
        for entry in visible.collections.entries where entry.type != .chained { try summarize(entry) }
        return visible
    }

    private mutating func note(hidden run: CollectionCatalog.Entry) {
        hiddenTypes.formUnion(whole.summaries.datasetTypes(in: run.key))
        hiddenGovernors.merge(whole.summaries.governors(in: run.key)) { $0.union($1) }
    }

    private mutating func summarize(_ entry: CollectionCatalog.Entry) throws {
        let all = whole.summaries.datasetTypes(in: entry.key)
        var shown: [StoredDatasetType] = []
        for key in all.sorted() {
            guard let stored = visible.datasetTypes.byKey[key] else { continue }
            if entry.type != .run, hiddenTypes.contains(key), try !holds(entry, stored) { continue }
            shown.append(stored)
            visible.summaries.add(collection: entry.key, datasetType: key)
        }
        for (governor, values) in whole.summaries.governors(in: entry.key) {
            let types = shown.filter { $0.type.dimensions.governors.contains(governor) }
            for value in values {
                let isDoubtful =
                    shown.count < all.count
                    || (entry.type != .run && hiddenGovernors[governor]?.contains(value) == true)
                if isDoubtful, try !types.contains(where: { try holds(entry, $0, governor: (governor, value.text)) }) {
                    continue
                }
                visible.summaries.add(collection: entry.key, governor: governor, value: value.text)
            }
        }
    }

    /// Whether the collection has a dataset of this type that the viewer may see.
    private func holds(
        _ entry: CollectionCatalog.Entry, _ stored: StoredDatasetType, governor: (position: Int, value: String)? = nil
    ) throws -> Bool {
        guard let table = entry.type == .calibration ? stored.calibsTable : stored.tagsTable else { return false }
        var conditions: [SQL] = [
            "\(column: "dataset_type_id", of: "m") = \(value: stored.key)",
            "\(column: "collection_id", of: "m") = \(value: entry.key)",
        ]
        if let governor {
            let name = universe.elements[governor.position].name
            conditions.append("\(column: name, of: "m") = \(value: governor.value)")
        }
        var source: SQL = "\(table: table) AS \(alias: "m")"
        if entry.type != .run, let runs = visible.visibleRuns[stored.key] {
            source += """
                 JOIN \(table: "dataset") AS \(alias: "d") ON \(column: "id", of: "d") = \(column: "dataset_id", of: "m")
                """
            conditions.append(.isIn("\(column: "run_id", of: "d")", runs.map { .int($0) }))
        }
        return try connection.fetchOne("SELECT 1 FROM \(source) WHERE \(SQL.all(conditions))") { _ in true } ?? false
    }
}
