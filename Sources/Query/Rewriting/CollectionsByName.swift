import ByteText
import QueryModel

/// Searches only the collections that a condition names: `run = 'x'` leaves one of many runs, and often nothing to rank.
///
/// Conditions count before the first dataset of a data ID is taken, so a collection that cannot fulfil them is out of the
/// search altogether.
struct CollectionsByName: RewriteRule {
    func apply(to plan: LogicalPlan) -> LogicalPlan {
        var rewritten = plan
        rewritten.operands = plan.operands.map { operand in
            guard case .datasets(var datasets) = operand else { return operand }
            var search = datasets.search
            for group in plan.predicate.groups {
                guard let names = search.collectionNames(in: group) else { continue }
                search.collections.removeAll { !names.contains($0.name) }
            }
            guard search.collections.count < datasets.search.collections.count, !search.collections.isEmpty else {
                return operand
            }
            datasets.search = search
            if rewritten.findFirst?.search.name == search.name {
                rewritten.findFirst = search.collections.count > 1 ? .init(search: search, method: .window) : nil
                if case .given = plan.uniqueness { datasets.readsCollection = search.collections.count > 1 }
            }
            return .datasets(datasets)
        }
        return rewritten
    }
}

extension ResolvedSearch {
    /// The names that a condition leaves for the collection in which a dataset is found; `nil` when it is about something
    /// else. In a path of runs, the run of a dataset is the collection.
    fileprivate func collectionNames(in group: [PredicateLeaf]) -> Set<ExactName>? {
        var names: Set<ExactName> = []
        for leaf in group {
            let isAboutName: (ColumnExpression) -> Bool = { expression in
                guard case .column(.datasetField(name, let field)) = expression else { return false }
                return field == .collection || (field == .run && isRunSearch)
            }
            switch leaf {
            case .comparison(let column, .equal, .literal(.string(let text))) where isAboutName(column),
                .comparison(.literal(.string(let text)), .equal, let column) where isAboutName(column):
                names.insert(text)
            case .inContainer(let column, let values) where isAboutName(column):
                for case .literal(.string(let text)) in values { names.insert(text) }
            default: return nil
            }
        }
        return group.isEmpty ? nil : names
    }
}
