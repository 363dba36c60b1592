import ButlerModel
import Database
import QueryModel
import Registry

/// Queries in one transaction: plans them against what the transaction sees, and opens their rows.
struct QuerySession {
    let snapshot: RegistrySnapshot
    private var planner: QueryPlanner
    private var tableCount = 0

    /// - Parameter defaults: values of dimensions by name, of which those of governors are used.
    /// - Throws: `ButlerError` of kind `dimensionName` for names that are no dimensions.
    init(_ snapshot: RegistrySnapshot, defaults: [String: DataIDValue] = [:]) throws(ButlerError) {
        self.snapshot = snapshot
        var positions: [Int: DataIDValue] = [:]
        for (name, value) in defaults {
            guard let element = snapshot.universe.element(name), element.isDimension else {
                throw ButlerError(.dimensionName, "No dimension with name '\(name)' in a default data ID.")
            }
            if element.isGovernor { positions[element.position] = value }
        }
        planner = QueryPlanner(snapshot: snapshot, defaults: positions)
    }

    init(_ snapshot: RegistrySnapshot, _ request: QueryRequest) throws {
        try self.init(snapshot, defaults: request.defaults)
        for input in request.inputs { try add(input) }
    }

    // MARK: Plans

    var defaults: [Int: DataIDValue] { planner.defaults }

    func plan(_ tree: QueryTree, _ result: ResultSpecification) throws -> LogicalPlan {
        try Rewriting.apply(to: unrewrittenPlan(tree, result), snapshot)
    }

    func unrewrittenPlan(_ tree: QueryTree, _ result: ResultSpecification) throws -> LogicalPlan {
        try planner.plan(tree, result)
    }

    /// - Parameter isExistence: whether all that matters is if there are any rows, and not how often each comes.
    func plan(
        dataIDsOf tree: QueryTree, allowsDuplicateOverlaps: Bool, isExistence: Bool = false
    ) throws -> LogicalPlan {
        var plan = try planner.plan(
            dataIDsOf: tree, tree.dimensions, allowsDuplicateOverlaps: allowsDuplicateOverlaps)
        if isExistence, !plan.isFiltered, case .given = plan.uniqueness { plan.uniqueness = .distinct }
        return try Rewriting.apply(to: plan, snapshot)
    }

    func statement(_ plan: LogicalPlan) throws -> SelectStatement { try statement(plan, Subqueries()) }

    private func statement(_ plan: LogicalPlan, _ subqueries: Subqueries) throws -> SelectStatement {
        try SelectStatement(
            plan,
            .init(
                universe: snapshot.universe, storesIngestDateAsText: snapshot.schema.storesIngestDateAsText,
                membership: { column, tree in try values(of: column, tree, subqueries) }))
    }

    /// Counts the queries inside IN of a statement, those inside others too. Each is planned by the database like one of
    /// its own.
    private final class Subqueries {
        static let most = 100
        private var count = 0

        func add() throws {
            count += 1
            guard count <= Self.most else {
                throw ButlerError(
                    .invalidQuery,
                    "The query has more than \(Self.most) queries inside IN; nest fewer, materialize data IDs, or split it."
                )
            }
            try Task.checkCancellation()
        }
    }

    private func values(of column: ColumnReference, _ tree: QueryTree, _ subqueries: Subqueries) throws -> SQL {
        try subqueries.add()
        var columns = PlanColumns(tree.dimensions)
        columns.insert(column)
        let plan = try planner.plan(
            tree, final: columns, order: [], limit: nil, findFirst: nil, allowsDuplicateOverlaps: true)
        guard !plan.isFiltered else {
            throw ButlerError(
                .unimplementedQuery,
                "A query inside IN must not depend on exact overlaps of regions; materialize its data IDs first.")
        }
        return try statement(plan, subqueries).values(of: column)
    }

    // MARK: Rows

    /// Runs a statement of a query. One that is too complex for the database comes from a query that is.
    func run<T>(_ body: (any DatabaseConnection) throws -> T) throws -> T {
        do {
            return try body(snapshot.connection)
        } catch DatabaseError.statementTooComplex(let reason, _) {
            throw ButlerError(
                .invalidQuery,
                "The query is too complex for the database (\(reason)); nest expressions and queries less, use IN lists, or "
                    + "split it.")
        }
    }

    /// The rows of a plan, filtered and limited.
    func open(_ plan: LogicalPlan) throws -> ResultCursor {
        let (sql, layout) = try statement(plan).rows()
        guard plan.doomed.isEmpty else { return ResultCursor.empty(layout) }
        return try ResultCursor(
            try run { try $0.cursor(sql) }, layout: layout, plan: plan)
    }

    // MARK: Inputs

    private mutating func add(_ input: QueryInput) throws {
        tableCount += 1
        try JoinSQL.check(operandCount: tableCount)
        let table = "query_input_\(tableCount)"
        switch input {
        case .upload(let target, let rows):
            planner.uploads[target.key] = (target.dimensions, try upload(rows, target.dimensions, into: table))
        case .materialization(let target, let tree, let datasets, let allowsDuplicateOverlaps):
            guard target.dimensions.isSubset(of: tree.dimensions) else {
                throw ButlerError(
                    .invalidQuery,
                    "Materialized rows have dimensions \(target.dimensions), which are not all among those of their query, "
                        + "\(tree.dimensions).")
            }
            if let stranger = datasets.sorted().first(where: { tree.search(for: $0) == nil }) {
                throw ButlerError(
                    .invalidQuery,
                    "Materialized rows keep the search for dataset type '\(stranger)', which their query does not have."
                )
            }
            let plan = try planner.plan(
                dataIDsOf: tree, target.dimensions, allowsDuplicateOverlaps: allowsDuplicateOverlaps)
            planner.materialized[target.key] = MaterializedRows(
                rows: try materialize(plan, target.dimensions, into: table), dimensions: target.dimensions,
                datasets: datasets, filters: plan.filters)
        }
    }

    /// Data IDs as a table that later statements read; where none can be made they come with each of them.
    /// - Returns: what stands for it in a FROM clause.
    private func upload(_ rows: [[DataIDValue]], _ group: DimensionGroup, into name: String) throws -> SQL {
        let columns = group.required.map { keyColumn($0) }
        guard snapshot.connection.allowsTemporaryTables, !group.isEmpty else {
            return .rows(
                columns.map { ($0.name, $0.type) }, Set(rows).map { $0.map { ColumnValue($0).sqlValue } })
        }
        let table = TableSpecification(name, columns: columns, primaryKey: group.requiredNames)
        try snapshot.connection.createTable(table, temporary: true)
        try snapshot.connection.executeMany(
            try .insert(into: table, onConflict: .ignore, temporary: true),
            rows: rows.lazy.map { $0.map { ColumnValue($0).sqlValue } })
        return "\(temporary: name)"
    }

    private func keyColumn(_ position: Int) -> ColumnSpecification {
        let dimension = snapshot.universe.elements[position]
        return ColumnSpecification(dimension.name, dimension.primaryKey?.type == .int ? .int : .text)
    }

    /// The rows of a plan as a table likewise; where none can be made later statements have the query in them.
    private func materialize(_ plan: LogicalPlan, _ group: DimensionGroup, into name: String) throws -> SQL {
        let statement = try statement(plan)
        let (select, layout) = try statement.labelledRows()
        guard snapshot.connection.allowsTemporaryTables else {
            return plan.doomed.isEmpty ? "(\(select))" : "(SELECT * FROM (\(select)) AS \(alias: name) WHERE 1 = 0)"
        }
        var columns = layout.columns.map { column -> ColumnSpecification in
            if case .key(let position) = column { return keyColumn(position) }
            return ColumnSpecification(statement.label(of: column), .text, isNullable: true)
        }
        if columns.isEmpty { columns = [ColumnSpecification("empty", .int)] }
        let table = TableSpecification(
            name, columns: columns, primaryKey: [], indexes: group.isEmpty ? [] : [group.requiredNames])
        try snapshot.connection.createTable(table, temporary: true)
        if plan.doomed.isEmpty {
            _ = try run { try $0.execute(try .insert(into: table, select: select, temporary: true)) }
        }
        return "\(temporary: name)"
    }
}
