import Synchronization

/// Which transactions a state of the server shows: all before `next` but those that are still open.
struct PostgreSQLVisibility {
    let next: UInt64
    let open: [UInt64]

    /// - Parameter text: what `pg_current_snapshot()` says: `xmin:xmax:xip_list`.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let next = UInt64(parts[1]) else { return nil }
        self.next = next
        open = parts[2].split(separator: ",").compactMap { UInt64($0) }
    }

    /// The transactions that this shows and `other` does not; `nil` for more than are worth a look.
    func news(since other: PostgreSQLVisibility) -> [UInt64]? {
        var news = other.open
        if next > other.next {
            guard next - other.next <= 1000 else { return nil }
            news += other.next..<next
        }
        return news.filter { $0 < next && !open.contains($0) }
    }
}

/// Tells the states of a server apart, as all connections of one client see them. Transactions of this client that
/// changed nothing of which a token tells make no difference.
final class PostgreSQLChanges: Sendable {
    private struct State {
        var last: PostgreSQLVisibility?
        var version: Int64 = 0
        /// The client's quiet transactions, as the low halves of their numbers, the oldest first.
        var quiet: [UInt32] = []
        /// The newest connection of which a state was seen.
        var connection: UInt64 = 0
    }

    private let state = Mutex(State())
    private static let mostQuiet = 512

    /// The number of a state: the last one, unless the two differ by what others have committed.
    ///
    /// A server that was restored, took the place of another or had not waited for its disk gives numbers of lost transactions
    /// to others. All connections break before that, so the first state that is seen on a new one is a new state.
    ///
    /// - Parameter connection: the ``PostgreSQLHandle/connectionNumber``.
    func version(_ text: String, on connection: UInt64) -> Int64 {
        state.withLock { state in
            if connection > state.connection {
                state.connection = connection
                state.quiet = []
                return Self.renew(&state, PostgreSQLVisibility(text))
            }
            guard let seen = PostgreSQLVisibility(text) else { return Self.renew(&state, nil) }
            guard let last = state.last, let newer = seen.news(since: last), let older = last.news(since: seen),
                (newer + older).allSatisfy({ state.quiet.contains(UInt32(truncatingIfNeeded: $0)) })
            else { return Self.renew(&state, seen) }
            if older.isEmpty { state.last = seen }
            return state.version
        }
    }

    private static func renew(_ state: inout State, _ seen: PostgreSQLVisibility?) -> Int64 {
        state.last = seen
        state.version = Int64(bitPattern: DatabaseChangeToken.nextNumber())
        return state.version
    }

    /// Keeps in mind the transactions, and those within them, that are of no account.
    ///
    /// - Parameter list: their numbers, separated by commas.
    func disregard(_ list: String) {
        state.withLock { state in
            state.quiet += list.split(separator: ",").compactMap { UInt32($0) }
            if state.quiet.count > Self.mostQuiet { state.quiet.removeFirst(state.quiet.count - Self.mostQuiet) }
        }
    }
}

/// The numbers of a transaction and of those within it, one for each savepoint after which something was written.
///
/// Each holds a lock on its own number: a savepoint until it is released, so they are looked up before that.
final class PostgreSQLNumbers {
    private var texts: [String] = []
    private var asked = 0

    /// A transaction of more parts takes longer than to read the small tables again.
    private static let most = 4
    private static let statement = """
        SELECT string_agg(transactionid::text, ',') FROM pg_catalog.pg_locks \
        WHERE locktype = 'transactionid' AND pid = pg_backend_pid() AND granted
        """

    var areAsked: Bool { asked > 0 }

    /// Looks them up with the next statement, before which nothing else may be written.
    func ask(_ handle: PostgreSQLHandle) {
        asked += 1
        if asked <= Self.most { handle.later(Self.statement) { self.texts.append($0) } }
    }

    /// All of them; `nil` if some are not known.
    var list: String? { asked > 0 && texts.count == asked ? texts.joined(separator: ",") : nil }
}
