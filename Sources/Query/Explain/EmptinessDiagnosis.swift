import ButlerModel
import Database
import QueryModel
public import Registry

/// Finds out why a query has no rows, by asking the database what happens without each of its parts.
///
/// Names and summaries are looked at first; then each value that a data ID fixes; then each condition and each join is
/// left out in turn. Cost: one look at the first row for each part, at most ``mostTrials``.
struct EmptinessDiagnosis {
    private let session: QuerySession
    private let tree: QueryTree
    private static let mostTrials = 40
    /// The most terms of conditions in all trials; to plan a hundred thousand takes a tenth of a second.
    private static let mostTerms = 300_000

    init(_ session: QuerySession, _ tree: QueryTree) {
        self.session = session
        self.tree = tree
    }

    func reasons() throws -> [String] {
        let plan = try session.plan(dataIDsOf: tree, allowsDuplicateOverlaps: true)
        if !plan.messages.isEmpty { return plan.messages }
        if try session.hasRows(plan, isExact: true) { return [] }
        var reasons = try missingRecords()
        if reasons.isEmpty { reasons = try emptyRelations(plan) }
        if reasons.isEmpty { reasons = try guiltyConditions() }
        if reasons.isEmpty { reasons = try guiltySearches() }
        if reasons.isEmpty {
            reasons.append("No single condition or join is to blame: leaving out any one of them still gives no rows.")
        }
        return reasons
    }

    // MARK: Values

    /// Values of dimensions that no record has.
    private func missingRecords() throws -> [String] {
        var known: [Int: DataIDValue] = [:]
        var constraints = PredicateConstraints(tree.predicate)
        try constraints.applyDefaults(session.defaults, to: tree.withoutGovernorChecks())
        for (position, value) in constraints.dataID { known[position] = value }
        var reasons: [String] = []
        for (position, value) in known.sorted(by: { $0.key < $1.key }) {
            let element = session.snapshot.universe.elements[position]
            let key = element.required.compactMap { known[$0] }
            guard element.hasOwnTable, key.count == element.required.count,
                try session.snapshot.record(of: element, key) == nil
            else { continue }
            let others = zip(element.required.dropLast(), key).map { position, value in
                "\(session.snapshot.universe.elements[position].name)=\(value.quotedDescription)"
            }
            let place = others.isEmpty ? "" : " for \(others.joined(separator: ", "))"
            reasons.append(
                "There is no \(element.name) \(value.quotedDescription)\(place)\(try examples(of: element, known)).")
        }
        return reasons
    }

    /// Some values that there are instead.
    private func examples(of element: DimensionElement, _ known: [Int: DataIDValue]) throws -> String {
        var conditions: [String: DataIDValue] = [:]
        for position in element.required.dropLast() {
            conditions[session.snapshot.universe.elements[position].name] = known[position]
        }
        var found: [String] = []
        try session.snapshot.records(of: element, matching: conditions, limit: 4) { record in
            if let value = record.value(ofDimension: element.position) { found.append(value.quotedDescription) }
            return true
        }
        guard !found.isEmpty else { return "; there are no records of it at all" }
        return "; there are \(found.prefix(3).joined(separator: ", "))\(found.count > 3 ? ", …" : "")"
    }

    // MARK: Relations

    /// Tables that relate dimensions and have no row.
    private func emptyRelations(_ plan: LogicalPlan) throws -> [String] {
        var reasons: [String] = []
        for case .element(let element, _) in plan.operands where element.hasOwnTable {
            let statement: SQL = "SELECT 1 FROM \(table: element.name) LIMIT 1"
            guard try session.snapshot.connection.fetchOne(statement, { _ in true }) == nil else { continue }
            let related = element.required.map { session.snapshot.universe.elements[$0].name }
            reasons.append(
                "There are no records of \(element.name) in this repository"
                    + (element.isDimension
                        ? "." : ", so nothing relates \(related.joined(separator: ", ")) to each other."))
        }
        return reasons
    }

    // MARK: Conditions and joins

    private func guiltyConditions() throws -> [String] {
        var reasons: [String] = []
        let conditions = statedConditions()
        let trials = min(Self.mostTrials, max(2, Self.mostTerms / max(1, tree.predicate.leafCount)))
        for (index, condition) in conditions.enumerated().prefix(trials) {
            let others = conditions.enumerated().flatMap { $0.offset == index ? [] : $0.element }
            guard try hasRows(tree.with(predicate: Predicate(groups: others), datasets: tree.datasets)) else {
                continue
            }
            reasons.append("There would be rows without the condition '\(Self.text(of: condition))'.")
        }
        guard reasons.isEmpty, conditions.count > 1 else { return reasons }
        if try hasRows(tree.with(predicate: .alwaysTrue, datasets: tree.datasets)) {
            reasons.append(
                "There would be rows without any condition, "
                    + (conditions.count > trials
                        ? "but there are too many conditions to try them one by one."
                        : "but not without a single one: several exclude them."))
        }
        return reasons
    }

    /// The groups of the predicate that belong together: NOT IN has become one group for each value.
    private func statedConditions() -> [[[PredicateLeaf]]] {
        var conditions: [[[PredicateLeaf]]] = []
        var places: [ColumnReference: Int] = [:]
        for group in tree.predicate.groups {
            guard let column = ExpressionSQL.exclusion(group)?.column else {
                conditions.append([group])
                continue
            }
            if let place = places[column] {
                conditions[place].append(group)
            } else {
                places[column] = conditions.count
                conditions.append([group])
            }
        }
        return conditions
    }

    /// The text of a condition, without most of its terms if it is long.
    private static func text(of condition: [[PredicateLeaf]]) -> String {
        let mostShown = 12
        let leaves = condition.joined()
        guard leaves.count > mostShown else { return Predicate(groups: condition).description }
        let shown = leaves.prefix(mostShown).map(\.description)
        return shown.joined(separator: condition.count > 1 ? " AND " : " OR ") + " … (\(leaves.count) terms)"
    }

    private func guiltySearches() throws -> [String] {
        var reasons: [String] = []
        for search in tree.datasets.prefix(Self.mostTrials) where !tree.predicate.readsDataset(search.datasetType) {
            let others = tree.datasets.filter { $0.datasetType != search.datasetType }
            guard try hasRows(tree.with(predicate: tree.predicate, datasets: others)) else { continue }
            reasons.append(
                "There would be rows without the search for '\(search.datasetType)' in "
                    + "[\(search.collections.joined(separator: ", "))]: no dataset has such a data ID.")
        }
        return reasons
    }

    private func hasRows(_ tree: QueryTree) throws -> Bool {
        do {
            return try session.hasRows(
                try session.plan(dataIDsOf: tree, allowsDuplicateOverlaps: true, isExistence: true), isExact: true)
        } catch is ButlerError {
            // Without this part the query makes no sense, so nothing can be learnt.
            return false
        }
    }
}

extension QueryTree {
    fileprivate func with(predicate: Predicate, datasets: [DatasetSearch]) throws(ButlerError) -> QueryTree {
        try QueryTree(
            dimensions: dimensions, datasets: datasets, uploads: uploads, materializations: materializations,
            predicate: predicate, validatesGovernors: false)
    }

    fileprivate func withoutGovernorChecks() throws(ButlerError) -> QueryTree {
        try with(predicate: predicate, datasets: datasets)
    }
}

extension Registry {
    /// Why a query has no rows, in words to act on; empty when it has some. Asks the database, unlike
    /// ``reasonsForNoRows(_:)``.
    public func diagnoseNoRows(_ request: QueryRequest) async throws -> [String] {
        try await read { snapshot in
            try EmptinessDiagnosis(try QuerySession(snapshot, request), request.tree).reasons()
        }
    }

    public func diagnoseNoRows(_ result: ResultDefinition, _ context: QueryContext) async throws -> [String] {
        try await read { snapshot in
            let (session, query) = try QuerySession.resolving(result, context, snapshot)
            return try EmptinessDiagnosis(session, query.tree).reasons()
        }
    }
}
