import Synchronization

/// A client whose reads go to servers that follow the primary, as long as they are not behind by more than a bound.
///
/// Writes, and reads that prepare them, go to the primary. A follower is read from while it is known to have everything
/// that the primary had committed a moment ago, no longer than the bound, and everything that this client itself has
/// written. Whether it has is asked in the background, by comparing positions in the write-ahead logs: no clocks are
/// compared, and no read waits for it. Reads that no follower may answer, that its user has no right to, or that break on
/// the way go to the primary; so do those to which a follower says nothing for about as long as the bound.
public final class ReplicatedClient: DatabaseClient {
    private let primary: PostgreSQLClient
    private let followers: [Follower]
    private let bound: Duration
    private let state = Mutex(State())

    private struct State {
        /// When this client last wrote.
        var lastWrite: ContinuousClock.Instant?
        var turn = 0
    }

    init(_ primary: PostgreSQLClient, followers: [Follower], bound: Duration) {
        self.primary = primary
        self.followers = followers
        self.bound = bound
    }

    /// Connects to the primary; to followers in the background, when something is read.
    ///
    /// - Parameters:
    ///   - bound: how old what a read sees may be.
    ///   - onWarning: is told once of a server that turns out to be no follower of the primary.
    /// - Throws: what `PostgreSQLClient.open` throws for the primary.
    public static func open(
        _ url: DatabaseURL, replicas: [DatabaseURL], bound: Duration, schema: String?, _ options: DatabaseOptions,
        onWarning: @escaping @Sendable (String) -> Void
    ) async throws -> ReplicatedClient {
        let primary = try await PostgreSQLClient.open(url, schema: schema, options)
        var following = options
        following.access = .readOnly
        return ReplicatedClient(
            primary, followers: replicas.map { Follower($0, schema: schema, following, within: bound, onWarning: onWarning) },
            bound: bound)
    }

    public var dialect: SQLDialect { primary.dialect }
    public var isWriteable: Bool { primary.isWriteable }
    public var displayName: String { primary.displayName }
    public var activity: (reads: DatabaseActivity, pages: DatabaseActivity)? { primary.activity }
    public var isReachable: Bool { primary.isReachable }

    public func close() async throws {
        for follower in followers { await follower.close() }
        try await primary.close()
    }

    // MARK: - Transactions

    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        if let follower = chosen(), let client = follower.client {
            do {
                return try await client.read(while: { follower.isCurrent(within: bound) }, body)
            } catch let error as DatabaseError where error.maySucceedOnPrimary {
                if error.isOutage { follower.distrust() }
            }
        }
        return try await primary.read(body)
    }

    public func readBeforeWriting<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        try await primary.readBeforeWriting(body)
    }

    public func gatherStatistics(of tables: [String]) async throws { try await primary.gatherStatistics(of: tables) }

    @discardableResult
    public func write<T: Sendable>(
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> T
    ) async throws -> T {
        // Also after an error: it may have been committed.
        defer { state.withLock { $0.lastWrite = .now } }
        return try await primary.write(body)
    }

    public func pages<Page: Sendable>(
        _ open: @escaping @Sendable (any DatabaseConnection) throws -> any PageProducer<Page>
    ) -> DatabasePages<Page> {
        DatabasePages { [self] in
            let follower = chosen()
            return FallbackPages(
                first: follower?.client?.pages(open).makeSource(), second: { self.primary.pages(open).makeSource() },
                onOutage: { follower?.distrust() })
        }
    }

    // MARK: - Followers

    /// A follower that may be read from now, each in turn; `nil` for none.
    private func chosen() -> Follower? {
        let (lastWrite, turn) = state.withLock { state in
            state.turn &+= 1
            return (state.lastWrite, state.turn)
        }
        let now = ContinuousClock.now
        var found: Follower?
        for index in followers.indices {
            let follower = followers[(index + turn % followers.count) % followers.count]
            let age = follower.current.map { now - $0 }
            if age.map({ $0 > bound / 2 }) ?? true { follower.check(against: primary, every: bound / 8) }
            guard found == nil, let age, age <= bound, let moment = follower.current else { continue }
            if let lastWrite, moment < lastWrite {
                follower.check(against: primary, every: .zero)
                continue
            }
            found = follower
        }
        return found
    }
}

/// A server that follows the primary.
final class Follower: Sendable {
    private let connect: @Sendable () async throws -> PostgreSQLClient
    private let onWarning: @Sendable (String) -> Void
    private let state = Mutex(State())

    private struct State {
        var client: PostgreSQLClient?
        /// The last moment whose commits it is known to have.
        var current: ContinuousClock.Instant?
        var checking: Task<Void, Never>?
        var lastCheck: ContinuousClock.Instant?
        var isClosed = false
        /// Whether it was said that it does not follow the primary, and that nobody can tell.
        var isWarnedOf = false
        var isUnidentified = false
    }

    init(
        _ url: DatabaseURL, schema: String?, _ options: DatabaseOptions, within bound: Duration,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        self.onWarning = onWarning
        connect = { try await PostgreSQLClient.open(url, schema: schema, options, .following(within: bound)) }
    }

    var client: PostgreSQLClient? { state.withLock { $0.client } }
    var current: ContinuousClock.Instant? { state.withLock { $0.current } }

    /// Whether what it is known to have is no older than the bound.
    func isCurrent(within bound: Duration) -> Bool { current.map { ContinuousClock.now - $0 <= bound } ?? false }

    /// It is not read from until it is known again what it has.
    func distrust() { state.withLock { $0.current = nil } }

    /// Finds out in the background what it has, unless that is being done or was, less than `pause` ago.
    func check(against primary: PostgreSQLClient, every pause: Duration) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard !state.isClosed, state.checking == nil else { return }
            if let last = state.lastCheck, now - last < pause { return }
            state.lastCheck = now
            state.checking = Task { [self] in
                await run(primary)
                self.state.withLock { $0.checking = nil }
            }
        }
    }

    private func run(_ primary: PostgreSQLClient) async {
        do {
            let client = try await connected()
            let before = try await client.replayedPosition()
            let moment = ContinuousClock.now
            // Without the primary it is as good as it was, until that is too long ago.
            guard let position = try? await primary.logPosition() else { return }
            switch try await client.following(position, since: before) {
            case .current:
                state.withLock { state in
                    if !state.isClosed { state.current = max(state.current ?? moment, moment) }
                    state.isWarnedOf = false
                }
                if position.system == nil { tellOnce(client, \.isUnidentified, """
                    cannot be told from replicas of other servers, because the user may not execute pg_control_system()
                    """) }
            case .behind: break
            case .stranger(let reason):
                distrust()
                tellOnce(client, \.isWarnedOf, "is not read from, as it does not follow the primary: \(reason)")
            }
        } catch {
            // It stays unused; the next check tries again.
            distrust()
        }
    }

    private func tellOnce(_ client: PostgreSQLClient, _ flag: WritableKeyPath<State, Bool> & Sendable, _ text: String) {
        let isTold = state.withLock { state in
            defer { state[keyPath: flag] = true }
            return state[keyPath: flag]
        }
        if !isTold { onWarning("Replica \(client.displayName) \(text)") }
    }

    private func connected() async throws -> PostgreSQLClient {
        if let client { return client }
        let made = try await connect()
        let isKept = state.withLock { state in
            if !state.isClosed { state.client = made }
            return !state.isClosed
        }
        if !isKept {
            try await made.close()
            throw DatabaseError.closed(made.displayName)
        }
        return made
    }

    func close() async {
        let (task, client) = state.withLock { state in
            state.isClosed = true
            state.current = nil
            return (state.checking, state.client)
        }
        task?.cancel()
        await task?.value
        // What it held was read only.
        try? await client?.close()
    }
}

extension DatabaseError {
    /// Whether what a follower could not do may be done by the primary.
    var maySucceedOnPrimary: Bool {
        switch self {
        case .transactionConflict, .closed, .permissionDenied: true
        default: isOutage
        }
    }
}

/// Pages from a follower, or from the primary when the follower cannot give even the first one.
final class FallbackPages<Page: Sendable>: PageSource {
    private struct State {
        var source: (any PageSource<Page>)?
        var mayFallBack: Bool
        var isFinished = false
    }

    private let state: Mutex<State>
    private let second: @Sendable () -> any PageSource<Page>
    private let onOutage: @Sendable () -> Void

    init(
        first: (any PageSource<Page>)?, second: @escaping @Sendable () -> any PageSource<Page>,
        onOutage: @escaping @Sendable () -> Void
    ) {
        state = Mutex(State(source: first ?? second(), mayFallBack: first != nil))
        self.second = second
        self.onOutage = onOutage
    }

    func next() async throws -> Page? {
        guard let source = state.withLock({ $0.source }) else { return nil }
        do {
            let page = try await source.next()
            state.withLock { $0.mayFallBack = false }
            return page
        } catch let error as DatabaseError where error.maySucceedOnPrimary {
            if error.isOutage { onOutage() }
            let other = state.withLock { state -> (any PageSource<Page>)? in
                guard state.mayFallBack, !state.isFinished else { return nil }
                state.mayFallBack = false
                state.source = second()
                return state.source
            }
            guard let other else { throw error }
            source.finish()
            return try await other.next()
        }
    }

    func finish() {
        let source = state.withLock { state in
            state.isFinished = true
            defer { state.source = nil }
            return state.source
        }
        source?.finish()
    }
}
