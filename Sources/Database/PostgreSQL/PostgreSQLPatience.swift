/// How long a connection waits for a server that says nothing.
struct PostgreSQLPatience: Sendable {
    /// For a connection to one address, where neither URL, variables nor service say otherwise: whole seconds, 2 or more.
    var connecting = Duration.seconds(10)
    /// A connection that was idle for longer may have died unnoticed.
    var trustedIdleTime = Duration.seconds(10)
    /// How long a beginning may take to be answered then.
    var beginning = Duration.seconds(5)
    /// How long anything else may take before the server is asked, through another connection, whether it is at work.
    var silence = Duration.seconds(30)
    /// How long the answer to that may take.
    var question = Duration.seconds(10)
    /// How long a statement may go on after the server was asked to end it.
    var cancelling = Duration.seconds(10)
    /// Whether a read that breaks is repeated.
    var isRepeating = true

    /// For a server that follows another, which can be read from instead.
    ///
    /// - Parameter bound: how old what is read may be.
    static func following(within bound: Duration) -> PostgreSQLPatience {
        let short = min(max(bound, .seconds(2)), .seconds(5))
        return PostgreSQLPatience(
            connecting: short, trustedIdleTime: .zero, beginning: short, silence: short, question: short,
            cancelling: short, isRepeating: false)
    }
}

extension PostgreSQLHandle {
    /// A wait for the server.
    struct Silence {
        var begin = ContinuousClock.now
        /// When it was first seen that the user has lost interest.
        var cancellation: ContinuousClock.Instant?
    }
}
