/// One connection with the thread that serves it.
protocol DatabaseWorker: AnyObject, Sendable {
    /// The connection as closures on its thread see it.
    associatedtype Handle

    /// Lets `body` run on the connection's thread after all that was started before.
    func start<T: Sendable>(_ body: @escaping @Sendable (Handle) throws -> T) -> DatabaseWork<T>

    /// Runs `body` on the connection's thread some time soon, for work that nobody waits for.
    func enqueue(_ body: @escaping @Sendable (Handle) -> Void)

    /// Begins a transaction that reads. Called on the connection's thread.
    func beginReading(_ handle: Handle) throws -> any OpenTransaction

    /// Closes the connection once all that was started before is over, then calls `done`, on any thread. Does not block.
    ///
    /// What goes wrong has nobody left to be told; the connection ends with its last reference then.
    func close(then done: @escaping @Sendable () -> Void)
}

extension DatabaseWorker {
    /// Runs `body` on the connection's thread.
    ///
    /// Cancelling the task interrupts the statement that runs, or ends its wait for a lock.
    func perform<T: Sendable>(_ body: @escaping @Sendable (Handle) throws -> T) async throws -> T {
        try await start(body).value()
    }
}

/// A transaction that whoever began it has to end.
protocol OpenTransaction: DatabaseConnection {
    /// Rolls back.
    func abandon()
}

/// A client whose pages come from transactions on lent connections.
protocol PagingClient: AnyObject, Sendable {
    associatedtype Worker: DatabaseWorker

    /// Runs `body`, and once more if it failed before it could read anything, for a reason that is mended now.
    func recovering<T>(_ body: () async throws -> T) async throws -> T
}
