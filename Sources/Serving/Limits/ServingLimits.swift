/// What a service takes from its clients before it defends itself.
public struct ServingLimits: Sendable, Equatable {
    /// The most connections. One more closes that which has been idle for longest; with none idle it is refused.
    public var connections: Int
    /// The most requests in progress; one more is answered with status 503.
    public var requests: Int
    /// How long the head of a request may take, from its first byte.
    public var headTime: Duration
    /// How long the rest of a request may take.
    public var bodyTime: Duration
    /// How long a client may take to receive what the connection already holds, which is at most some megabytes.
    public var stalledTime: Duration
    /// How long a response to a client that has closed its side of the connection goes on.
    public var halfClosedTime: Duration

    public init(
        connections: Int = 4096, requests: Int = 1024, headTime: Duration = .seconds(15),
        bodyTime: Duration = .seconds(120), stalledTime: Duration = .seconds(120),
        halfClosedTime: Duration = .seconds(2)
    ) {
        self.connections = connections
        self.requests = requests
        self.headTime = headTime
        self.bodyTime = bodyTime
        self.stalledTime = stalledTime
        self.halfClosedTime = halfClosedTime
    }
}

/// How long the source of a streamed response may be kept open.
public struct StreamLimits: Sendable, Equatable {
    /// From its begin; `nil` for ever.
    public var time: Duration?
    /// How long, all in all, the source may have to wait for the reader. Meanwhile it holds what it reads from, such as a
    /// database transaction.
    public var waiting: Duration?
    /// How long the status line waits for the first line, within which an outage has a status of its own.
    public var beginning: Duration

    public init(time: Duration? = .seconds(900), waiting: Duration? = .seconds(60), beginning: Duration = .seconds(9)) {
        self.time = time
        self.waiting = waiting
        self.beginning = beginning
    }
}

/// Why a streamed response ended before its source did.
public enum StreamLimitExceeded: Error, Equatable {
    case time(Duration)
    case waiting(Duration)
}
