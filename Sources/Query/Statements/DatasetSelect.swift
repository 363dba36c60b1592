import AstroTime
import ButlerModel
import Database
import QueryModel
import Registry

/// The datasets of one type in some collections, all CALIBRATION or none. Source: query system reference, section 3.2.
struct DatasetSelect {
    private let operand: JoinOperand.DatasetOperand
    private let collections: [CollectionCatalog.Entry]
    private let isCalibration: Bool
    private let universe: DimensionUniverse

    private var stored: StoredDatasetType { operand.search.stored }
    private var dimensionNames: [String] { stored.type.dimensions.requiredNames }

    init(
        _ operand: JoinOperand.DatasetOperand, _ collections: [CollectionCatalog.Entry], isCalibration: Bool,
        universe: DimensionUniverse
    ) {
        self.operand = operand
        self.collections = collections
        self.isCalibration = isCalibration
        self.universe = universe
    }

    /// Only types of calibrations have a second table, and only they can be in CALIBRATION collections.
    var table: String { isCalibration ? stored.calibsTable ?? stored.tagsTable : stored.tagsTable }

    /// A dataset found in a RUN collection is of that run, so the dataset table is not asked.
    private var isRunSearch: Bool { collections.allSatisfy { $0.type == .run } }

    /// The runs that datasets must be of; `nil` where all may be seen.
    private var visibleRuns: [Int64]? { isRunSearch ? nil : operand.search.visibleRuns }

    var needsDatasetTable: Bool {
        visibleRuns != nil || operand.reads(.ingestDate) || (operand.reads(.run) && !isRunSearch)
    }

    // MARK: Parts

    /// - Parameter given: an expression for the one collection to look in, instead of all.
    func conditions(alias: String, collection given: SQL? = nil) -> [SQL] {
        var collection: SQL = "\(column: "collection_id", of: alias)"
        if operand.followsOrder { collection = .unindexed(collection) }
        let here: SQL
        if let given {
            here = "\(collection) = \(given)"
        } else {
            let read = operand.part == .others ? collections.dropFirst() : collections[...]
            here =
                switch read.count {
                case 0: "1 = 0"
                case 1: "\(collection) = \(value: read[read.startIndex].key)"
                default: .isIn(collection, read.map { .int($0.key) })
                }
        }
        let typeColumn: SQL = "\(column: "dataset_type_id", of: alias)"
        if operand.followsOrder { return ["\(SQL.unindexed(typeColumn)) = \(value: stored.key)", here] }
        let type: SQL = "\(typeColumn) = \(value: stored.key)"
        return [operand.invitesDetours ? .selective(type) : type, here]
    }

    /// The keys of the collections in search order, as a table.
    var path: SQL { .rows([("collection_id", .int)], collections.map { [.int($0.key)] }) }

    func datasetConditions(alias: String, dataset: String) -> [SQL] {
        var conditions: [SQL] = [
            "\(column: "id", of: dataset) = \(column: "dataset_id", of: alias)",
            "\(column: "dataset_type_id", of: dataset) = \(value: stored.key)",
        ]
        if let visibleRuns {
            conditions.append(.isIn("\(column: "run_id", of: dataset)", visibleRuns.map { .int($0) }))
        }
        return conditions
    }

    func collectionKey(alias: String) -> SQL {
        collections.count == 1 ? "\(value: collections[0].key)" : "\(column: "collection_id", of: alias)"
    }

    func runKey(alias: String, dataset: String) -> SQL {
        isRunSearch ? collectionKey(alias: alias) : "\(column: "run_id", of: dataset)"
    }

    func timespan(alias: String) -> TimespanExpression {
        isCalibration ? .column(of: alias) : .literal(.unbounded)
    }

    /// Whether no collection before the one of this row has a dataset with the same data ID.
    ///
    /// - Parameter key: spells the key of a dimension, if possible by a column of a table that is read before: a condition
    ///   on this table alone makes SQLite scan all of it for a filter, if it has statistics.
    func noEarlier(alias: String, key: (Int) -> SQL?) -> SQL {
        guard let first = collections.first, collections.count > 1 else { return "1 = 1" }
        // With a blank, so that it is the name of no dataset type.
        let earlier = "earlier dataset"
        var conditions: [SQL] = [
            "\(column: "dataset_type_id", of: earlier) = \(value: stored.key)",
            .isIn("\(column: "collection_id", of: earlier)", collections.dropLast().map { .int($0.key) }),
        ]
        if collections.count > 2 || operand.looksUpEach {
            let rank = { (name: String) in self.rank("\(column: "collection_id", of: name)") }
            conditions.append("\(rank(earlier)) < \(rank(alias))")
        }
        for (position, name) in zip(stored.type.dimensions.required, dimensionNames) {
            conditions.append("\(column: name, of: earlier) = \(key(position) ?? "\(column: name, of: alias)")")
        }
        var source: SQL = "\(table: table) AS \(alias: earlier)"
        if visibleRuns != nil {
            let dataset = "earlier dataset run"
            source += " JOIN \(table: "dataset") AS \(alias: dataset) ON "
            source += SQL.all(datasetConditions(alias: earlier, dataset: dataset))
        }
        let isFirst: SQL = "\(column: "collection_id", of: alias) = \(value: first.key)"
        let absence: SQL = "NOT EXISTS (SELECT 1 FROM \(source) WHERE \(SQL.all(conditions)))"
        // With the alternative a database asks for each row, or reads all earlier datasets into memory first.
        return operand.looksUpEach ? .condition(absence, shortcut: isFirst) : "(\(isFirst) OR \(absence))"
    }

    /// The place of a collection in the search order.
    func rank(_ collection: SQL) -> SQL {
        let cases = collections.enumerated().map { index, entry -> SQL in " WHEN \(value: entry.key) THEN \(value: index)" }
        return "CASE \(collection)\(cases.joined(separator: "")) END"
    }

    // MARK: As a subquery

    /// A select of the dimensions and of what the operand reads, under fixed names.
    func select(distinct: Bool) -> SQL {
        let (alias, dataset) = ("found", "dataset")
        var items: [SQL] = dimensionNames.map { "\(column: $0, of: alias)" }
        if operand.reads(.datasetID) { items.append("\(column: "dataset_id", of: alias)") }
        if operand.readsCollectionKey { items.append("\(collectionKey(alias: alias), as: "collection_id")") }
        if operand.reads(.run) { items.append("\(runKey(alias: alias, dataset: dataset), as: "run_id")") }
        if operand.reads(.ingestDate) { items.append("\(column: "ingest_date", of: dataset)") }
        if operand.reads(.timespan) { items.append("\(timespan: timespan(alias: alias))") }
        if items.isEmpty { items.append("\("1", as: "empty")") }
        var sql: SQL = "SELECT\(distinct ? " DISTINCT" : "") \(items.joined(separator: ", ")) FROM \(table: table) AS \(alias: alias)"
        if needsDatasetTable {
            let on = datasetConditions(alias: alias, dataset: dataset).joined(separator: " AND ")
            sql += " JOIN \(table: "dataset") AS \(alias: dataset) ON \(on)"
        }
        return sql + " WHERE \(conditions(alias: alias).joined(separator: " AND "))"
    }
}
