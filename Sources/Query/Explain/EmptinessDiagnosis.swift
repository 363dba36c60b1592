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
                    + (element.isDimension ? "." : ", so nothing relates \(related.joined(separator: ", ")) to each other."))
        }
        return reasons
    }

    // MARK: Conditions and joins

    private func guiltyConditions() throws -> [String] {
        var reasons: [String] = []
        for (index, group) in tree.predicate.groups.enumerated().prefix(Self.mostTrials) {
            var groups = tree.predicate.groups
            groups.remove(at: index)
            guard try hasRows(tree.with(predicate: Predicate(groups: groups), datasets: tree.datasets)) else { continue }
            reasons.append("There would be rows without the condition '\(Predicate(groups: [group]))'.")
        }
        guard reasons.isEmpty, tree.predicate.groups.count > 1 else { return reasons }
        if try hasRows(tree.with(predicate: .alwaysTrue, datasets: tree.datasets)) {
            reasons.append("There would be rows without any condition, but not without a single one: several exclude them.")
        }
        return reasons
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
                try session.plan(dataIDsOf: tree, allowsDuplicateOverlaps: true), isExact: true)
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
