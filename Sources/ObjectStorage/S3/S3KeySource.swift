import AsyncHTTPClient

/// Where the keys to a service come from.
public enum S3KeySource: Sendable {
    case fixed(S3Credentials)
    case renewed(RenewedS3Keys)

    func current() async throws -> S3Credentials {
        switch self {
        case .fixed(let keys): keys
        case .renewed(let keys): try await keys.current()
        }
    }

    /// Other keys after the service said that these have expired; `false` when there can be none.
    /// - Parameter minimumAge: younger keys are kept.
    func renew(after refused: S3Credentials, minimumAge: Duration = .zero) async throws -> Bool {
        guard case .renewed(let keys) = self else { return false }
        await keys.forget(refused, minimumAge)
        return try await keys.current() != refused
    }
}

/// Keys that are valid for some hours and fetched anew before they expire, by one task for all that wait.
public actor RenewedS3Keys {
    struct Fetched: Sendable {
        let keys: S3Credentials
        /// Nanoseconds since 1970, UTC; `nil` for keys that do not expire.
        let expiration: Int64?
    }

    private let fetch: @Sendable () async throws -> Fetched
    private let now: @Sendable () -> Int64
    private var known: Fetched?
    private var fetched = ContinuousClock.now
    private var fetching: Task<Fetched, any Error>?
    /// How long before their end keys are renewed, in nanoseconds.
    private static let margin: Int64 = 300 * 1_000_000_000

    init(
        now: @escaping @Sendable () -> Int64 = { UTCTime.now }, fetch: @escaping @Sendable () async throws -> Fetched
    ) {
        self.now = now
        self.fetch = fetch
    }

    func current() async throws -> S3Credentials {
        if let known, known.expiration.map({ $0 - now() > Self.margin }) ?? true { return known.keys }
        do {
            let task = fetching ?? Task { [fetch] in try await fetch() }
            fetching = task
            defer { fetching = nil }
            let fetched = try await task.value
            known = fetched
            self.fetched = .now
            return fetched.keys
        } catch {
            // Keys that are good for some minutes yet are better than none.
            if let known, let end = known.expiration, end > now() { return known.keys }
            throw error
        }
    }

    func forget(_ refused: S3Credentials, _ minimumAge: Duration) {
        if known?.keys == refused, .now - fetched >= minimumAge { known = nil }
    }
}
