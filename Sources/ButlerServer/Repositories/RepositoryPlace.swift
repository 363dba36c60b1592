import Database
import Synchronization

/// The place of a repository in a server, which is empty until its database could be reached for the first time.
final class RepositoryPlace: Sendable {
    struct Content: Sendable {
        let repository: any ServedRepository
        let universeDocument: [UInt8]

        init(_ repository: any ServedRepository) {
            self.repository = repository
            universeDocument = repository.universe.configuration.wireDocument
        }
    }

    private let state: Mutex<Result<Content, DatabaseError>>

    init(_ repository: any ServedRepository) { state = Mutex(.success(Content(repository))) }

    /// - Parameter outage: why it is empty, for the log.
    init(awaitingAfter outage: DatabaseError) { state = Mutex(.failure(outage)) }

    /// - Throws: `DatabaseError`, an outage, while there is none.
    var content: Content { get throws(DatabaseError) { try state.withLock { $0 }.get() } }

    func fill(_ repository: any ServedRepository) {
        let content = Content(repository)
        state.withLock { $0 = .success(content) }
    }
}
