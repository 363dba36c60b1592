public import Serving

/// What one server spends on queries.
public struct QueryLimits: Sendable, Equatable {
    /// Streamed queries.
    public var queue: QueueLimits
    /// Streamed queries, one by one. The time holds for queries that are answered at once too.
    public var stream: StreamLimits
    /// The most rows of a result; `nil` for any number.
    public var rows: Int?
    /// The largest body of a query, in bytes. An upload has at most 100,000 rows.
    public var bodyBytes: Int
    /// Connections to each repository's database for everything but streamed queries.
    public var readConnections: Int

    public init(
        queue: QueueLimits = QueueLimits(), stream: StreamLimits = StreamLimits(), rows: Int? = nil,
        bodyBytes: Int = 64 << 20, readConnections: Int = 8
    ) {
        self.queue = queue
        self.stream = stream
        self.rows = rows
        self.bodyBytes = bodyBytes
        self.readConnections = max(2, readConnections)
    }

    /// For the user who ran into a limit.
    static func explanation(_ exceeded: StreamLimitExceeded) -> String {
        switch exceeded {
        case .time(let limit):
            "The query was stopped as it took longer than \(seconds(limit)), which is the most that this server allows. "
                + "Constrain it further, or split it."
        case .waiting(let limit):
            "The query was stopped as this server had to wait \(seconds(limit)) for its results to be read, which is the "
                + "most that it allows. Read results as they come, and work on them afterwards."
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        return seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}

/// A result that has more rows than the server allows.
struct TooManyRows: Error, CustomStringConvertible {
    let limit: Int

    var description: String {
        "The query was stopped as it has more than \(limit) rows, which is the most that this server allows. Constrain it "
            + "further, set a limit, or split it."
    }
}
