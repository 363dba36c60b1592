public import Hummingbird
public import NIOCore

/// What travels with a request through middleware and handlers.
public struct ServingContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The peer at the other end of the connection; `nil` when there is no socket.
    public let peer: SocketAddress?

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress
    }
}
