public import Hummingbird
public import NIOCore

/// What travels with a request through middleware and handlers.
public struct ServingContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The peer at the other end of the connection; `nil` when there is no socket.
    public let peer: SocketAddress?
    /// The connection of the request; `nil` in memory.
    public internal(set) var connection: Connection?
    /// Whether the connection is encrypted all the way to this service.
    var isSecure = false
    let channel: (any Channel)?

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        peer = source.channel.remoteAddress
    }
}
