import ButlerModel
import Database

/// Reads the datasets of the first collection of a path apart from the others, which alone need a look for earlier ones.
///
/// A database that chooses by statistics reads all earlier datasets into memory where many rows are looked up, before it
/// gives the first. Those of the first collection then come without that, and at once. Where keys are fixed few rows are
/// looked up, and planning two parts would take longer.
struct FirstCollectionApart: RewriteRule {
    /// Whether the database chooses by statistics how it reads a table.
    let databaseChooses: (_ table: String) throws -> Bool

    func apply(to plan: LogicalPlan) throws -> LogicalPlan {
        guard plan.order.isEmpty, plan.doomed.isEmpty, case .given = plan.uniqueness,
            plan.findFirst?.method == .noEarlier, case .datasets(var datasets)? = plan.operands.first,
            datasets.isFirstOnly, datasets.search.collections.count > 1,
            plan.predicateReadsOnly(plan.joinDimensions.universe.governors),
            try databaseChooses(datasets.search.stored.tagsTable)
        else { return plan }
        var rewritten = plan
        datasets.part = .firstAndOthers
        rewritten.operands[0] = .datasets(datasets)
        return rewritten
    }
}

extension LogicalPlan {
    /// What makes up the result, one after the other; only this plan, if it is not to be read in parts.
    var parts: [LogicalPlan] {
        guard case .datasets(var datasets)? = operands.first, datasets.part == .firstAndOthers else { return [self] }
        var parts = [self, self]
        datasets.part = .others
        parts[1].operands[0] = .datasets(datasets)
        datasets.part = .all
        datasets.isFirstOnly = false
        datasets.search.collections.removeSubrange(1...)
        parts[0].operands[0] = .datasets(datasets)
        for index in parts.indices { parts[index].limit = nil }
        return parts
    }
}
