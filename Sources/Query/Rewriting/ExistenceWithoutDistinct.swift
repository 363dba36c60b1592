/// Joins a search that only says that there must be a dataset without making its rows unique first, where the result is
/// made unique anyway.
///
/// Such a search over several collections repeats a data ID for each that has a dataset. A subquery that removes the
/// repetitions has to read all datasets of the type; joined directly, the database looks up those it needs.
struct ExistenceWithoutDistinct: RewriteRule {
    func apply(to plan: LogicalPlan) -> LogicalPlan {
        switch plan.uniqueness {
        case .given: return plan
        case .grouped where plan.checksValidityRanges: return plan
        case .grouped, .distinct: break
        }
        var rewritten = plan
        rewritten.operands = plan.operands.map { operand in
            guard case .datasets(var datasets) = operand, datasets.isExistence,
                datasets.search.collections.count > 1
            else { return operand }
            datasets.mayRepeat = true
            return .datasets(datasets)
        }
        return rewritten
    }
}
