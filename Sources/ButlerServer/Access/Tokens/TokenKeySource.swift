/// Holds the keys for access tokens and fetches them anew: once in a while, and when a token names a key that is not known.
///
/// Keys that cannot be fetched anew are believed for a day. Requests that wait for keys share one fetch.
actor TokenKeySource {
    private struct Held {
        let keys: TokenKeys
        let time: ContinuousClock.Instant
    }

    private let load: @Sendable () async throws -> TokenKeys
    private let lifetime: Duration?
    private var held: Held?
    private var lastAttempt: ContinuousClock.Instant?
    private var pending: Task<TokenKeys, any Error>?

    private let pause: Duration
    private static let longest: Duration = .seconds(86_400)

    /// - Parameters:
    ///   - lifetime: when to fetch anew; `nil` for keys that never change.
    ///   - pause: between two fetches: unknown key names in tokens cost no more than one in this time.
    init(
        lifetime: Duration? = .seconds(600), pause: Duration = .seconds(30),
        load: @escaping @Sendable () async throws -> TokenKeys
    ) {
        self.lifetime = lifetime
        self.pause = pause
        self.load = load
    }

    /// - Throws: what fetching throws, when there are no keys to go on with.
    func keys() async throws -> TokenKeys {
        guard let held else { return try await fetched() }
        guard let lifetime, held.time.duration(to: .now) > lifetime, isRested else { return try believable(held) }
        do {
            return try await fetched()
        } catch {
            return try believable(held)
        }
    }

    /// Keys for a token that fits none of those there are; `nil` when it is too early to ask again.
    func newKeys() async throws -> TokenKeys? {
        guard lifetime != nil, isRested else { return nil }
        return try await fetched()
    }

    private var isRested: Bool { lastAttempt.map { $0.duration(to: .now) > pause } ?? true }

    private func believable(_ held: Held) throws -> TokenKeys {
        guard lifetime == nil || held.time.duration(to: .now) < Self.longest else {
            throw TokenKeyError(reason: "it could not be fetched for a day")
        }
        return held.keys
    }

    private func fetched() async throws -> TokenKeys {
        if let pending { return try await pending.value }
        lastAttempt = .now
        let task = Task { [load] in try await load() }
        pending = task
        let result = await task.result
        pending = nil
        if case .success(let keys) = result { held = Held(keys: keys, time: .now) }
        return try result.get()
    }
}
