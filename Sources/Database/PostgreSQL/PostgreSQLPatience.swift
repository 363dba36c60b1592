/// How long a connection waits for a server that says nothing.
struct PostgreSQLPatience: Sendable {
    /// For a connection to one address, where neither URL, variables nor service say otherwise: whole seconds, 2 or more.
    var connecting = Duration.seconds(10)
}
