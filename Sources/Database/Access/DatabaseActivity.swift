/// How busy a client's connections are at a moment.
public struct DatabaseActivity: Hashable, Sendable {
    /// Connections that are lent.
    public var inUse: Int
    /// The most that may be.
    public var limit: Int
    /// Tasks that wait for one.
    public var waiting: Int

    public init(inUse: Int, limit: Int, waiting: Int) {
        self.inUse = inUse
        self.limit = limit
        self.waiting = waiting
    }
}

extension DatabaseClient {
    public var activity: (reads: DatabaseActivity, pages: DatabaseActivity)? { nil }
}
