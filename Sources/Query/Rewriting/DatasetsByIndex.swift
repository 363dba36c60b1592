import ButlerModel
import QueryModel
import Registry

/// Fixes the order of joins around the one dataset search of a query, which databases without statistics get wrong.
///
/// Datasets are indexed by type, collection and the keys of their dimensions in canonical order. Where conditions fix only
/// leading keys, or none, the datasets are read first, and only those of the type. Where later keys are given, by a
/// condition on a visit, by a region, or by data IDs that come with the query, these come first, and keys that are still
/// missing are taken from the records of their dimensions, if there are few: then each dataset is one look-up, however
/// many other types and visits there are.
struct DatasetsByIndex: RewriteRule {
    /// The most look-ups for each given data ID that are worth the certainty.
    static let mostLookUps = 2000

    /// How many records a cached element has; `nil` for others.
    let recordCount: (DimensionElement) -> Int?

    func apply(to plan: LogicalPlan) -> LogicalPlan {
        let searches = plan.operands.compactMap { operand -> JoinOperand.DatasetOperand? in
            if case .datasets(let datasets) = operand { datasets } else { nil }
        }
        guard searches.count == 1, let datasets = searches.first, !datasets.search.isCalibrationSearch else { return plan }
        let group = datasets.search.dimensions
        let universe = group.universe
        let elsewhere = plan.fixedKeys.subtracting(universe.governors).subtracting(DimensionSet(group.required))
        let front = plan.operands.filter { operand in
            switch operand {
            case .overlap, .upload, .materialized: true
            case .datasets: false
            case .element(let element, _):
                // A relation that leads from a given key, of a visit say, to keys of datasets: to its exposures.
                !element.requiredSet.intersection(elsewhere).isEmpty
                    && !element.requiredSet.subtracting(universe.governors).intersection(DimensionSet(group.required))
                        .isEmpty
            }
        }
        if front.isEmpty, plan.restricts(otherThan: group), plan.laterKey(of: group) == nil { return plan }
        var known = plan.fixedKeys
        for operand in front { known.formUnion(operand.keys(universe)) }
        let gap: [Int]
        if front.isEmpty {
            gap = plan.laterKey(of: group).map { later in group.required[..<later].filter { !known.contains($0) } } ?? []
        } else {
            gap = group.required.filter { !known.contains($0) }
        }
        let elements = gap.map { universe.elements[$0] }
        guard isCheap(elements, collections: datasets.search.collections.count) else { return plan }
        let tables = elements.map { element -> JoinOperand in
            plan.operands.first { $0.isTable(of: element) } ?? .element(element, columns: [])
        }
        return plan.reading(front, then: tables, then: datasets)
    }

    private func isCheap(_ elements: [DimensionElement], collections: Int) -> Bool {
        var lookUps = max(1, collections)
        for element in elements {
            guard let count = recordCount(element) else { return false }
            let (product, overflow) = lookUps.multipliedReportingOverflow(by: max(1, count))
            guard !overflow, product <= Self.mostLookUps else { return false }
            lookUps = product
        }
        return true
    }
}

extension LogicalPlan {
    /// Dimensions whose key must equal one given value.
    var fixedKeys: DimensionSet {
        var fixed = DimensionSet()
        for group in predicate.groups where group.count == 1 {
            switch group[0] {
            case .comparison(.column(.dimensionKey(let dimension)), .equal, .literal),
                .comparison(.literal, .equal, .column(.dimensionKey(let dimension))):
                fixed.insert(dimension.position)
            default: break
            }
        }
        return fixed
    }

    /// The place of the last key among those of datasets, governors apart, that must equal one given value.
    fileprivate func laterKey(of group: DimensionGroup) -> Int? {
        let fixed = fixedKeys
        return group.required.lastIndex { fixed.contains($0) && !group.universe.governors.contains($0) }
    }

    /// Whether something other than the keys in `group` and the datasets themselves decides which rows there are.
    fileprivate func restricts(otherThan group: DimensionGroup) -> Bool {
        let required = DimensionSet(group.required)
        var restricts = false
        predicate.forEachColumn { column in
            switch column {
            case .dimensionKey(let dimension): if !required.contains(dimension.position) { restricts = true }
            case .dimensionField: restricts = true
            case .datasetField: break
            }
        }
        return restricts
    }

    /// The plan with some operands first, and after them each table whose rows are then found by their whole key.
    fileprivate func reading(
        _ front: [JoinOperand], then tables: [JoinOperand], then datasets: JoinOperand.DatasetOperand
    ) -> LogicalPlan {
        let universe = joinDimensions.universe
        var plan = self
        plan.keepsJoinOrder = true
        plan.operands = []
        var known = DimensionSet()
        var rest = operands.filter { operand in
            guard case .element(let element, _) = operand else { return false }
            return !(front + tables).contains { $0.isTable(of: element) }
        }
        func take(_ operand: JoinOperand) {
            known.formUnion(operand.keys(universe))
            plan.operands.append(operand)
        }
        func takeFound() {
            while let next = rest.firstIndex(where: { operand in
                if case .element(let element, _) = operand { element.requiredSet.isSubset(of: known) } else { false }
            }) {
                take(rest.remove(at: next))
            }
        }
        front.forEach(take)
        // What conditions look at is read before the datasets, where its keys are there already.
        if !front.isEmpty { takeFound() }
        tables.forEach(take)
        take(.datasets(datasets))
        takeFound()
        rest.forEach(take)
        return plan
    }
}
