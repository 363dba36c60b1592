import ButlerModel
import QueryModel

/// Leaves out a table of cached records that is joined only for keys which its records imply: the band of a filter is
/// looked up in memory when the row is written.
///
/// The table must relate nothing else: all keys that identify its records come from tables that refer to it, so that each
/// row has its record, and no other operand gives the implied keys, which would have to agree.
struct KeysFromMemory: RewriteRule {
    func apply(to plan: LogicalPlan) -> LogicalPlan {
        guard case .given = plan.uniqueness, plan.findFirst?.method != .window else { return plan }
        var rewritten = plan
        for case .element(let element, let columns) in plan.operands
        where element.isCached && element.hasOwnTable && columns.isEmpty && !element.impliedSet.isEmpty {
            let others = rewritten.operands.filter { !$0.isTable(of: element) }
            guard others.count == rewritten.operands.count - 1,
                canLeaveOut(element, of: rewritten, others: others)
            else { continue }
            rewritten.operands = others
            for position in element.implied { rewritten.derivedKeys[position] = element }
        }
        return rewritten
    }

    private func canLeaveOut(_ element: DimensionElement, of plan: LogicalPlan, others: [JoinOperand]) -> Bool {
        let universe = plan.joinDimensions.universe
        var given = DimensionSet()
        var isReferredTo = false
        for operand in others {
            let keys = operand.keys(universe)
            given.formUnion(keys)
            switch operand {
            case .element, .datasets: if keys.contains(element.position) { isReferredTo = true }
            case .overlap, .upload, .materialized: break
            }
        }
        guard isReferredTo, element.requiredSet.isSubset(of: given),
            given.intersection(element.impliedSet).isEmpty
        else { return false }
        var isRead = false
        func look(_ column: ColumnReference) {
            switch column {
            case .dimensionKey(let dimension): if element.impliedSet.contains(dimension.position) { isRead = true }
            case .dimensionField(let other, _): if other == element { isRead = true }
            case .datasetField: break
            }
        }
        plan.predicate.forEachColumn(look)
        for term in plan.order { term.expression.forEachColumn(look) }
        return !isRead
    }
}

extension JoinOperand {
    func isTable(of element: DimensionElement) -> Bool {
        if case .element(element, _) = self { true } else { false }
    }
}
