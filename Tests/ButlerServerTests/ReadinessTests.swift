import ButlerModel
import Database
import Query
import Registry
import Serving
import Synchronization
import Testing

@testable import ButlerServer

/// Whether databases answer, and what those do who do not.
@Suite(.timeLimit(.minutes(10))) struct ReadinessTests {
    /// Looks that end when they are let to, and not when they are cancelled.
    private final class Looks: Sendable {
        private let state = Mutex((count: 0, ends: [CheckedContinuation<Void, any Error>]()))

        var count: Int { state.withLock { $0.count } }

        func look() async throws {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { state in
                    state.count += 1
                    state.ends.append(continuation)
                }
            }
        }

        func end(_ result: Result<Void, any Error> = .success(())) {
            let ends = state.withLock { state in
                defer { state.ends = [] }
                return state.ends
            }
            for end in ends { end.resume(with: result) }
        }
    }

    @Test func whoeverAsksHasTheAnswerInTimeAndNoLookBeginsBeforeTheLastIsOver() async throws {
        let looks = Looks()
        let readiness = Readiness { try await looks.look() }
        for _ in 0..<5 {
            await #expect(throws: StreamLimitExceeded.self) { try await readiness.check(within: .milliseconds(20)) }
        }
        #expect(looks.count == 1)
        // Those who come now are answered by another look, as this one was given up.
        let next = Task { try await readiness.check(within: .seconds(600)) }
        try await Task.sleep(for: .milliseconds(20))
        looks.end(.failure(CancellationError()))
        while looks.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        looks.end()
        try await next.value
        #expect(looks.count == 2)
    }

    @Test func theServerAnswersWhileOneOfItsDatabasesIsSilent() async throws {
        let looks = Looks()
        let silent = RepositoryPlace(awaitingAfter: .unavailable("postgresql://me@db.example/x", reason: "refused"))
        try await withServer(ServerSetup(places: ["silent": silent])) { client, fixture in
            silent.fill(SilentRepository(try FixtureRepository(directory: fixture.directory), looks.look))
            for _ in 0..<2 {
                let answer = try await client.ask(.get, "/readyz", prefix: "")
                // Nothing ends the look before; on a machine that is very busy the others may be late, too.
                let failing = try answer.json()["unavailable"] ?? answer.json()["repositories"]
                #expect(failing?.arrayValue?.contains("silent") == true)
            }
            #expect(looks.count == 1)
            looks.end()
        }
    }
}

/// A repository whose reads take as long as a closure does.
private struct SilentRepository: ServedRepository {
    private let base: FixtureRepository
    private let wait: @Sendable () async throws -> Void

    init(_ base: FixtureRepository, _ wait: @escaping @Sendable () async throws -> Void) {
        self.base = base
        self.wait = wait
    }

    var universe: DimensionUniverse { base.universe }
    var queries: any QueryExecutor { base.queries }
    func hasVisibilityRules() async throws -> Bool { false }
    func acting(for viewer: Viewer) -> any ServedRepository { self }

    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any RepositoryView) throws -> Result
    ) async throws -> Result {
        try await wait()
        return try await base.read(body)
    }
}
