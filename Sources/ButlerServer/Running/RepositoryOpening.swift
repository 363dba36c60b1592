import Butler
import Database
import Logging
import RepositoryConfiguration

/// How a server opens one of its repositories: at the start, or once the database is there.
struct RepositoryOpening: Sendable {
    let repository: ServeOptions.Repository
    let options: ServeOptions
    let environment: ConfigurationEnvironment
    let identities: IdentityRequirement
    let logger: Logger

    struct Opened: Sendable {
        let butler: DirectButler
        let served: DirectRepository
    }

    /// How long to wait between two attempts.
    private static let pause = Duration.seconds(2)

    /// Opens the repository. What needs no database is checked first.
    ///
    /// - Throws: what is wrong with the configuration, the database or the repository; `DatabaseError` with `isOutage` when
    ///   the database cannot be reached.
    func open() async throws -> Opened {
        let configuration = try await DirectButler.configuration(of: repository.configuration, environment: environment)
        let published = try configuration.publishedTypes()
        let butler = try await DirectButler.open(
            configuration, writeable: false, environment: environment,
            connections: ConnectionCounts(
                reads: options.queries.readConnections, pages: options.queries.queue.running, usesReplicas: true))
        do {
            let served = DirectRepository(butler: butler, published: published)
            try await identities.check(repository.label, served)
            return Opened(butler: butler, served: served)
        } catch {
            // That it cannot be served matters more than how its connections end.
            try? await butler.close()
            throw error
        }
    }

    /// How many are opened at the same time. Each may need a thread, and a silent database is waited for.
    private static let width = 32

    /// Opens repositories at the same time.
    ///
    /// - Returns: for each of them what was opened, or the outage of its database.
    /// - Throws: what is wrong otherwise with one of them, as soon as it is known. Then none stays open.
    static func openTogether(_ openings: [RepositoryOpening]) async throws -> [Result<Opened, DatabaseError>] {
        var outcomes = [Result<Opened, DatabaseError>?](repeating: nil, count: openings.count)
        var wrong: (any Error)?
        await withTaskGroup(of: (Int, Result<Opened, any Error>).self) { group in
            var left = openings.indices.makeIterator()
            func beginNext() {
                guard wrong == nil, let index = left.next() else { return }
                group.addTask {
                    do {
                        guard let opened = try await openings[index].openUnlessCancelled() else { throw CancellationError() }
                        return (index, .success(opened))
                    } catch { return (index, .failure(error)) }
                }
            }
            for _ in 0..<width { beginNext() }
            for await (index, outcome) in group {
                switch outcome {
                case .success(let opened): outcomes[index] = .success(opened)
                case .failure(let outage as DatabaseError) where outage.isOutage: outcomes[index] = .failure(outage)
                case .failure(let error):
                    wrong = wrong ?? error
                    group.cancelAll()
                }
                beginNext()
            }
        }
        guard let wrong else { return outcomes.compactMap { $0 } }
        // That one cannot be served matters more than how the connections of the others end.
        for case .success(let opened) in outcomes { try? await opened.butler.close() }
        throw wrong
    }

    /// Says that the server goes on without this repository.
    func announce(_ outage: DatabaseError) {
        logger.error(
            "database not reachable; this repository is served once it is", metadata: metadata(["error": "\(outage)"]))
    }

    /// Tries again until the repository is open, whatever is wrong: a database that comes back may refuse logins, or be empty,
    /// until it is restored. What is new goes to the log.
    ///
    /// - Returns: what to close in the end; `nil` when the task was cancelled.
    func fill(_ place: RepositoryPlace, after outage: DatabaseError) async -> DirectButler? {
        var last = "\(outage)"
        while true {
            do {
                try await Task.sleep(for: Self.pause)
                guard let opened = try await openUnlessCancelled() else { return nil }
                place.fill(opened.served)
                logger.notice("repository opened", metadata: metadata(["config": .string(repository.configuration)]))
                return opened.butler
            } catch {
                if Task.isCancelled { return nil }
                let reason = "\(error)"
                if reason != last {
                    logger.error("the repository cannot be opened yet", metadata: metadata(["error": .string(reason)]))
                }
                last = reason
            }
        }
    }

    /// A connection on its way to a silent server cannot be given up, so the task that makes it outlives this one, for
    /// seconds, when that is cancelled.
    private func openUnlessCancelled() async throws -> Opened? {
        let (outcome, continuation) = AsyncThrowingStream.makeStream(of: Opened.self)
        Task {
            do {
                let opened = try await open()
                if case .terminated = continuation.yield(opened) { try await opened.butler.close() }
                continuation.finish()
            } catch { continuation.finish(throwing: error) }
        }
        return try await outcome.first { _ in true }
    }

    private func metadata(_ more: Logger.Metadata) -> Logger.Metadata {
        ["butler_repo": .string(repository.label)].merging(more) { $1 }
    }
}
