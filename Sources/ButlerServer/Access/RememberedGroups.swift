import ButlerModel
import ByteText
import Crypto

/// Remembers answers about groups, so that the authentication service is asked once in a while and not for each
/// request. Requests for the same user that come while one is under way wait for its answer. Failures are forgotten.
///
/// An answer belongs to user and token, of which a digest is kept: nobody profits from what another token proved. It is
/// believed only while it grants access: who has just joined a group need not wait.
actor RememberedGroups {
    private struct Key: Hashable {
        let user: String
        let tokenDigest: [UInt8]

        init(_ identity: DelegatedIdentity) {
            user = identity.user
            tokenDigest = Array(SHA256.hash(data: Array(identity.token.utf8)))
        }
    }

    private struct Answer {
        let groups: Set<ExactName>
        let time: ContinuousClock.Instant
    }

    private let directory: any GroupDirectory
    private let capacity: Int
    private let lifetime: Duration
    private var answers: [Key: Answer] = [:]
    private var pending: [Key: Task<Set<ExactName>, any Error>] = [:]

    /// - Parameters:
    ///   - lifetime: nothing is remembered for longer.
    ///   - capacity: the most answers kept; the oldest go first.
    init(_ directory: any GroupDirectory, lifetime: Duration, capacity: Int = 10_000) {
        self.directory = directory
        self.lifetime = lifetime
        self.capacity = capacity
    }

    /// The groups of a user, if one of the wanted ones is among them; `nil` otherwise.
    ///
    /// - Parameter wanted: `nil` when the answer decides only on what the user sees; it is then believed in any case.
    ///
    /// - Throws: ``GroupLookupError``.
    func groups(of identity: DelegatedIdentity, toMatch wanted: Set<ExactName>?) async throws -> Set<ExactName>? {
        let key = Key(identity)
        let suffices = { (groups: Set<ExactName>) in wanted.map { !groups.isDisjoint(with: $0) } ?? true }
        if let answer = answers[key], answer.time.duration(to: .now) < lifetime, suffices(answer.groups) {
            return answer.groups
        }
        let groups = try await askedAnew(identity, key)
        return suffices(groups) ? groups : nil
    }

    private func askedAnew(_ identity: DelegatedIdentity, _ key: Key) async throws -> Set<ExactName> {
        if let task = pending[key] { return try await task.value }
        let task = Task { [directory] in try await directory.groups(of: identity) }
        pending[key] = task
        let result = await task.result
        pending[key] = nil
        if case .success(let groups) = result {
            makeRoom()
            answers[key] = Answer(groups: groups, time: .now)
        }
        return try result.get()
    }

    private func makeRoom() {
        guard answers.count >= capacity else { return }
        let now = ContinuousClock.now
        answers = answers.filter { $0.value.time.duration(to: now) < lifetime }
        guard answers.count >= capacity else { return }
        // A quarter at once, so that this costs little on average.
        for (key, _) in answers.sorted(by: { $0.value.time < $1.value.time }).prefix(max(1, capacity / 4)) {
            answers[key] = nil
        }
    }
}
