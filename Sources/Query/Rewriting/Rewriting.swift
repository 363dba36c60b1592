/// A rule that turns a plan into a cheaper one with the same rows.
protocol RewriteRule: Sendable {
    static func apply(to plan: LogicalPlan) -> LogicalPlan
}

/// All rules, in order.
enum Rewriting {
    private static let rules: [any RewriteRule.Type] = [
        FindFirstByAbsence.self, ExistenceWithoutDistinct.self,
    ]

    static func apply(to plan: LogicalPlan) -> LogicalPlan {
        rules.reduce(plan) { plan, rule in rule.apply(to: plan) }
    }
}
