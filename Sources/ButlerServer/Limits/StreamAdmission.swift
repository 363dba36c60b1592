import Synchronization

/// Decides which streamed queries may run now.
protocol StreamAdmission: Sendable {
    /// A permit for one stream, now or after a wait.
    ///
    /// - Parameter user: `nil` for requests without a user's name, to which limits for users do not apply.
    /// - Throws: `HTTPFailure` 503 or 429 with `Retry-After`, which clients obey.
    func permit(for user: String?) async throws -> StreamPermit
}

/// The right to run one streamed query. It ends when it is given back, or at the latest when the last copy is gone, so
/// that no way of failing can keep it.
final class StreamPermit: Sendable {
    private let onEnd: Mutex<(@Sendable () -> Void)?>

    init(onEnd: @escaping @Sendable () -> Void) { self.onEnd = Mutex(onEnd) }

    /// May be called repeatedly.
    func end() {
        let action = onEnd.withLock { action in
            defer { action = nil }
            return action
        }
        action?()
    }

    deinit { end() }
}

/// The pages of a query together with its permit, which lasts until the database has finished, also when the client
/// has gone before the end.
struct PermittedPages<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable where Base.Element: Sendable {
    typealias Element = Base.Element
    let base: Base
    let permit: StreamPermit

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator(), permit: permit) }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: Base.AsyncIterator
        fileprivate let permit: StreamPermit
        private let lifetime: Lifetime

        fileprivate init(base: Base.AsyncIterator, permit: StreamPermit) {
            self.base = base
            self.permit = permit
            lifetime = Lifetime(permit: permit)
        }

        /// Ends the permit when the iteration is given up, although the sequence may live on.
        private final class Lifetime {
            private let permit: StreamPermit
            init(permit: StreamPermit) { self.permit = permit }
            deinit { permit.end() }
        }

        /// The permit is given back before the client learns of the end, so that its next query finds room.
        mutating func next() async throws -> Element? {
            do {
                if let page = try await base.next() { return page }
            } catch {
                permit.end()
                throw error
            }
            permit.end()
            return nil
        }
    }
}
