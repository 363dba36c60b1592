import ButlerModel
public import Database
public import QueryModel
public import Registry

/// Queries on a registry. Each runs in one read transaction, in which also its plan is made, so that it sees one state.
extension Registry: QueryExecutor {
    public func pages(_ request: QueryRequest, _ result: ResultSpecification) -> DatabasePages<ResultPage> {
        database.pages { [self] connection in
            let session = try QuerySession(try snapshot(connection), request)
            let cursor = try session.open(try session.plan(request.tree, result))
            _ = try cursor.skip(request.skippedRows)
            return ResultPages(cursor, try ModelRows(result, cursor.layout, session.snapshot))
        }
    }

    public func lines(_ request: QueryRequest, _ result: ResultSpecification) -> DatabasePages<ResultLine> {
        database.pages { [self] connection in
            let session = try QuerySession(try snapshot(connection), request)
            let cursor = try session.open(try session.plan(request.tree, result))
            _ = try cursor.skip(request.skippedRows)
            return ResultPages(cursor, try JSONLineRows(result, cursor.layout, session.snapshot))
        }
    }

    public func pages(_ request: AllDatasetsRequest) -> DatabasePages<ResultPage> {
        database.pages { [self] connection in
            try AllDatasetsPages(request, try snapshot(connection)) { try ModelRows($0, $1, $2) }
        }
    }

    public func lines(_ request: AllDatasetsRequest) -> DatabasePages<ResultLine> {
        database.pages { [self] connection in
            try AllDatasetsPages(request, try snapshot(connection)) { try JSONLineRows($0, $1, $2) }
        }
    }

    public func count(
        _ request: QueryRequest, _ result: ResultSpecification, isExact: Bool, discards: Bool
    ) async throws -> Int {
        try await read { try QuerySession($0, request).count(request.tree, result, isExact: isExact, discards: discards) }
    }

    public func any(_ request: QueryRequest, executes: Bool, isExact: Bool) async throws -> Bool {
        try await read { try QuerySession($0, request).any(request.tree, executes: executes, isExact: isExact) }
    }

    public func reasonsForNoRows(_ request: QueryRequest) async throws -> [String] {
        try await read { try QuerySession($0, request).reasonsForNoRows(request.tree) }
    }
}

extension QuerySession {
    func count(_ tree: QueryTree, _ result: ResultSpecification, isExact: Bool, discards: Bool) throws -> Int {
        var unordered = result
        unordered.order = []
        unordered.allowsDuplicateOverlaps = false
        let plan = try plan(tree, unordered)
        guard plan.doomed.isEmpty else { return 0 }
        guard plan.isFiltered, isExact else {
            let count = try snapshot.connection.fetchOne(try statement(plan).count()) { try $0.int(0) } ?? 0
            return min(Int(count), plan.effectiveLimit ?? .max)
        }
        guard discards else {
            throw ButlerError(.invalidQuery, "Cannot count query rows exactly without discarding them.")
        }
        let cursor = try open(plan)
        var count = 0
        while try cursor.next() { count += 1 }
        return count
    }

    func any(_ tree: QueryTree, executes: Bool, isExact: Bool) throws -> Bool {
        let plan = try plan(dataIDsOf: tree, allowsDuplicateOverlaps: true, isExistence: true)
        guard plan.doomed.isEmpty else { return false }
        guard executes else {
            guard !isExact else {
                throw ButlerError(.invalidQuery, "Cannot obtain exact result for 'any' without executing.")
            }
            return true
        }
        return try hasRows(plan, isExact: isExact)
    }

    func reasonsForNoRows(_ tree: QueryTree) throws -> [String] {
        try plan(dataIDsOf: tree, allowsDuplicateOverlaps: true).messages
    }

    func hasRows(_ plan: LogicalPlan, isExact: Bool) throws -> Bool {
        guard plan.doomed.isEmpty else { return false }
        if plan.isFiltered, isExact { return try open(plan).next() }
        return try run { try $0.fetchOne(try statement(plan).any()) { _ in true } } ?? false
    }
}
