import ButlerModel
import QueryModel

/// Takes the first dataset of each data ID by asking whether an earlier collection has one, instead of ranking all.
///
/// This holds when conditions are the same for all datasets of a data ID, that is, when none reads a field of the
/// dataset, and when each collection has at most one of them, that is, none is a CALIBRATION. Rows then come as they are
/// found; ranking has to find all first. Each row costs a look-up for each earlier collection, so long paths are ranked.
struct FindFirstByAbsence: RewriteRule {
    /// The longest path for which looking up is cheaper.
    static let mostCollections = 16

    func apply(to plan: LogicalPlan) -> LogicalPlan {
        guard let findFirst = plan.findFirst, findFirst.method == .window,
            findFirst.search.collections.count <= Self.mostCollections, !findFirst.search.isCalibrationSearch,
            findFirst.search.dimensions.isSubset(of: plan.columns.dimensions),
            !plan.predicate.readsDataset(findFirst.search.name)
        else { return plan }
        let fixed = plan.fixedKeys.intersection(DimensionSet(findFirst.search.dimensions.required))
        let fixesKeys = !fixed.isSubset(of: plan.joinDimensions.universe.governors)
        var rewritten = plan
        var found = false
        rewritten.operands = plan.operands.map { operand in
            guard case .datasets(var datasets) = operand, datasets.search.name == findFirst.search.name else {
                return operand
            }
            found = true
            datasets.isFirstOnly = true
            datasets.looksUpEach = fixesKeys
            if case .grouped = plan.uniqueness {} else { datasets.readsCollection = false }
            return .datasets(datasets)
        }
        guard found else { return plan }
        rewritten.findFirst?.method = .noEarlier
        return rewritten
    }
}

extension Predicate {
    /// Whether a condition looks at a field of datasets of this type.
    func readsDataset(_ name: String) -> Bool {
        var reads = false
        forEachColumn { column in
            if case .datasetField(name, _) = column { reads = true }
        }
        return reads
    }
}
