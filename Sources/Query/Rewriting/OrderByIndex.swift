import ButlerModel
import QueryModel
import Registry

/// Walks datasets along an index that has the order of the result, instead of sorting them all for the first row.
///
/// Each table of datasets has an index for each dimension that its rows refer to, of a visit say: by instrument and visit,
/// over all dataset types and collections. Rows of others are passed over, so the datasets of the query must be many, and
/// a good part of the table. A database that keeps statistics weighs that itself.
struct OrderByIndex: RewriteRule {
    /// With fewer datasets sorting takes no time that anybody notices.
    static let fewestDatasets = 20_000
    /// Of so many rows of the table one must be wanted.
    static let mostRowsForEach = 8

    /// The columns of the indexes of a table.
    let indexes: (_ table: String) throws -> [[String]]
    /// About how many rows a table has; `nil` where the database chooses by its statistics and only must be free to.
    let rowCount: (_ table: String) throws -> Int?
    /// Whether the collections have at least so many datasets of the type.
    let hasDatasets: (ResolvedSearch, Int) throws -> Bool

    func apply(to plan: LogicalPlan) throws -> LogicalPlan {
        guard !plan.order.isEmpty, !plan.isFiltered, plan.keepsJoinOrder, plan.doomed.isEmpty,
            plan.findFirst?.method != .window, case .given = plan.uniqueness,
            case .datasets(var datasets)? = plan.operands.first, !datasets.search.isCalibrationSearch,
            let dimension = plan.leadingDimension(in: datasets.search.dimensions),
            plan.predicateReadsOnly(dimension.requiredSet)
        else { return plan }
        guard try mayPay(datasets.search, dimension) else { return plan }
        var rewritten = plan
        datasets.followsOrder = true
        datasets.looksUpEach = true
        rewritten.operands[0] = .datasets(datasets)
        return rewritten
    }

    private func mayPay(_ search: ResolvedSearch, _ dimension: DimensionElement) throws -> Bool {
        let table = search.stored.tagsTable
        guard let rows = try rowCount(table) else { return true }
        let names = dimension.required.map { search.dimensions.universe.elements[$0].name }
        return try rows >= Self.fewestDatasets && indexes(table).contains(names)
            && hasDatasets(search, max(Self.fewestDatasets, rows / Self.mostRowsForEach))
    }
}

extension LogicalPlan {
    /// The dimension by whose records rows are ordered first: by all keys of a visit, those that conditions fix apart, in
    /// one direction.
    fileprivate func leadingDimension(in group: DimensionGroup) -> DimensionElement? {
        let fixed = fixedKeys
        var terms: [(position: Int, isDescending: Bool)] = []
        for term in order {
            guard case .column(.dimensionKey(let dimension)) = term.expression else { break }
            if !fixed.contains(dimension.position) { terms.append((dimension.position, term.isDescending)) }
        }
        let candidates = group.required.map { group.universe.elements[$0] }.filter { element in
            let keys = element.required.filter { !fixed.contains($0) }
            return !element.isGovernor && !keys.isEmpty && terms.map(\.position).starts(with: keys)
                && Set(terms.prefix(keys.count).map(\.isDescending)).count == 1
        }
        return candidates.max { $0.required.count < $1.required.count }
    }

    func predicateReadsOnly(_ keys: DimensionSet) -> Bool {
        var holds = true
        predicate.forEachColumn { column in
            guard case .dimensionKey(let dimension) = column, keys.contains(dimension.position) else {
                holds = false
                return
            }
        }
        return holds
    }
}
