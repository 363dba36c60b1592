import ButlerModel
import Database
import Registry

/// A rule that turns a plan into a cheaper one with the same rows.
protocol RewriteRule {
    func apply(to plan: LogicalPlan) throws -> LogicalPlan
}

/// All rules, in order.
enum Rewriting {
    static func apply(to plan: LogicalPlan, _ snapshot: RegistrySnapshot) throws -> LogicalPlan {
        let rules: [any RewriteRule] = [
            CollectionsByName(), FindFirstByAbsence(), ExistenceWithoutDistinct(), KeysFromMemory(),
            DatasetsByIndex { snapshot.cachedRecords.records(of: $0)?.count },
            OrderByIndex(
                indexes: { try snapshot.connection.indexes(of: $0) },
                rowCount: { try snapshot.connection.roughRowCount(of: $0) },
                hasDatasets: { try snapshot.has($1, datasetsOf: $0) }),
            FirstCollectionApart { try snapshot.connection.roughRowCount(of: $0) == nil },
        ]
        return try rules.reduce(plan) { plan, rule in try rule.apply(to: plan) }
    }
}

extension RegistrySnapshot {
    /// Whether a search finds at least so many datasets. Cost: as many steps along an index.
    fileprivate func has(_ count: Int, datasetsOf search: ResolvedSearch) throws -> Bool {
        let operand = JoinOperand.DatasetOperand(search: search, fields: [], readsCollection: false)
        let select = DatasetSelect(operand, search.collections, isCalibration: false, universe: universe)
        let statement: SQL = """
            SELECT count(*) FROM (SELECT 1 FROM \(table: select.table) AS \(alias: "found") \
            WHERE \(SQL.all(select.conditions(alias: "found"))) LIMIT \(value: count)) AS \(alias: "counted")
            """
        return try connection.fetchOne(statement) { try $0.int(0) } ?? 0 >= count
    }
}
