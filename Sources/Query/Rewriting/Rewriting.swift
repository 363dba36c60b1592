import ButlerModel
import Registry

/// A rule that turns a plan into a cheaper one with the same rows.
protocol RewriteRule {
    func apply(to plan: LogicalPlan) -> LogicalPlan
}

/// All rules, in order.
enum Rewriting {
    static func apply(to plan: LogicalPlan, _ snapshot: RegistrySnapshot) -> LogicalPlan {
        let rules: [any RewriteRule] = [
            CollectionsByName(), FindFirstByAbsence(), ExistenceWithoutDistinct(), KeysFromMemory(),
            DatasetsByIndex { snapshot.cachedRecords.records(of: $0)?.count },
        ]
        return rules.reduce(plan) { plan, rule in rule.apply(to: plan) }
    }
}
