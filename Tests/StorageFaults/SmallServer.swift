import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server that answers what a test says. Call `stop()` in the end.
public final class SmallServer: Sendable {
    public struct Request: Sendable {
        public let method: String
        public let uri: String
        public let headers: HTTPHeaders
        public let body: String
    }

    public typealias Answer = @Sendable (Request) -> (status: Int, body: String)
    public typealias FullAnswer = @Sendable (Request) -> (status: Int, headers: HTTPHeaders, body: String)

    private let channel: any Channel
    private let log: Log

    private final class Log: Sendable { let requests = Mutex<[Request]>([]) }

    public var address: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }
    public var requests: [Request] { log.requests.withLock { $0 } }

    public convenience init(_ answer: @escaping Answer) async throws {
        try await self.init(answering: { request in
            let (status, body) = answer(request)
            return (status, [:], body)
        })
    }

    public init(answering answer: @escaping FullAnswer) async throws {
        let log = Log()
        self.log = log
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Handler { request in
                            log.requests.withLock { $0.append(request) }
                            return answer(request)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    public func stop() async throws { try await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: FullAnswer
        private var head: HTTPRequestHead?
        private var body = ByteBuffer()

        init(_ answer: @escaping FullAnswer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body.clear()
            case .body(var part): body.writeBuffer(&part)
            case .end:
                guard let head else { return }
                var (status, headers, text) = answer(
                    Request(
                        method: head.method.rawValue, uri: head.uri, headers: head.headers, body: String(buffer: body)))
                headers.add(name: "content-length", value: String(text.utf8.count))
                if head.method == .HEAD { text = "" }
                let response = HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: status), headers: headers)
                context.write(wrapOutboundOut(.head(response)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
