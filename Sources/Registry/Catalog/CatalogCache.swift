import Database
import Synchronization

/// Keeps the last catalog for as long as no transaction has seen the database change.
///
/// Every transaction asks its connection for a token of what it sees. A token that differs from the connection's last
/// one starts a new generation; what was read in an older generation is never used again. A catalog is stored under
/// the generation that its transaction started in, so one read from an older state cannot be taken for a newer.
final class CatalogCache: Sendable {
    struct Content: Sendable {
        let catalog: Catalog
        let records: CachedRecords
    }

    private struct State {
        var generation: UInt64 = 0
        var seen: [UInt64: Int64] = [:]
        var content: Content?
    }

    private let state = Mutex(State())

    var generation: UInt64 { state.withLock { $0.generation } }

    /// The content that is valid for a transaction with this token, if any is held.
    func current(for token: DatabaseChangeToken) -> Content? {
        state.withLock { state in
            if state.seen[token.connection] != token.version {
                state.seen[token.connection] = token.version
                state.generation += 1
                state.content = nil
            }
            return state.content
        }
    }

    /// Keeps content that was read in a transaction which started in this generation.
    func store(_ content: Content, generation: UInt64) {
        state.withLock { state in
            if state.generation == generation { state.content = content }
        }
    }

    /// Forgets what is held, because this process changes the database.
    func invalidate() {
        state.withLock { state in
            state.generation += 1
            state.content = nil
        }
    }
}
