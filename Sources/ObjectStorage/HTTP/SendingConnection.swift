import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// One connection: one request after another.
///
/// `@unchecked Sendable`: it is touched on its loop only.
final class SendingConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private static let longestAnswer = 64 << 20
    /// A connection that was not used for so long may be dead without anybody's having said so.
    private static let quiet = TimeAmount.seconds(1)

    /// The connection was closed after a quiet time, before anything of an answer came.
    struct WasDead: Error {
        let reason: any Error
    }

    /// A success was answered before all bytes were sent.
    struct AnsweredEarly: Error, CustomStringConvertible {
        var description: String { "the service has answered before it had all bytes" }
    }

    let origin: SendingConnections.Origin
    private let pool: LoopConnections
    private let silence: TimeAmount
    private let keepAlive: TimeAmount
    private var context: ChannelHandlerContext?
    private var exchange: SendingExchange?
    private var isWritten = true
    /// Bytes of the content that are not sent yet; those that come in one piece count with the end.
    private var left = 0
    private var isUsed = false
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()
    /// When the other side was last heard of, or a request began.
    private var last = NIODeadline.now()
    /// Whether nothing was heard of the other side since a quiet time before the request.
    private var isDoubtful = false
    private var timer: (time: NIODeadline, task: Scheduled<Void>)?

    init(_ origin: SendingConnections.Origin, _ pool: LoopConnections, _ settings: HTTPSettings) {
        self.origin = origin
        self.pool = pool
        silence = TimeAmount(settings.idleTimeout)
        keepAlive = TimeAmount(settings.keepAlive)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func begin(_ exchange: SendingExchange) {
        guard let context, context.channel.isActive else {
            return exchange.end(.failure(HTTPClientError.remoteConnectionClosed))
        }
        self.exchange = exchange
        isDoubtful = isUsed && .now() - last >= Self.quiet
        isUsed = true
        (head, isWritten, last, left) = (nil, false, .now(), exchange.content.length)
        body.clear()
        watch()
        var request = HTTPRequestHead(
            version: .http1_1, method: exchange.head.method, uri: exchange.head.target, headers: exchange.head.headers)
        request.headers.add(name: "content-length", value: String(exchange.content.length))
        context.write(wrapOutboundOut(.head(request)), promise: nil)
        exchange.sendBytes(over: self)
    }

    func write(_ bytes: ByteBuffer) { context?.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil) }

    func writeAndFlush(_ bytes: ByteBuffer, _ written: @escaping @Sendable () -> Void) {
        let count = bytes.readableBytes
        context?.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(bytes)))).whenSuccess {
            self.last = .now()
            self.left -= count
            written()
        }
    }

    func writeEnd() {
        context?.writeAndFlush(wrapOutboundOut(.end(nil))).whenSuccess { self.isWritten = true }
    }

    func close() { context?.close(promise: nil) }

    // MARK: Answers

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        last = .now()
        isDoubtful = false
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(var part):
            guard body.readableBytes + part.readableBytes <= Self.longestAnswer else {
                return fail(NIOTooManyBytesError(maxBytes: Self.longestAnswer))
            }
            if body.readableBytes == 0 { body = part } else { body.writeBuffer(&part) }
        case .end:
            guard let exchange, let head else { return close() }
            self.exchange = nil
            let answer = HTTPAnswer(status: Int(head.status.code), headers: head.headers, body: body)
            body = ByteBuffer()
            // After an answer that came before the end of the request, the rest of it would be taken for the next.
            if head.isKeepAlive, isWritten, context.channel.isActive { pool.keep(self) } else { close() }
            // A refusal may come early; who says that all is well has to have seen all.
            let isTrue = isWritten || left <= 0 || answer.status >= 300
            exchange.end(isTrue ? .success(answer) : .failure(AnsweredEarly()))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        pool.forget(self)
        timer?.task.cancel()
        fail(HTTPClientError.remoteConnectionClosed)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case HTTPParserError.invalidEOFState = error { return fail(HTTPClientError.remoteConnectionClosed) }
        fail(error)
    }

    private func fail(_ error: any Error) {
        // Those that were not used for longer are no better.
        if isDoubtful, exchange != nil { pool.closeIdle(origin) }
        exchange?.end(.failure(isDoubtful ? WasDead(reason: error) : error))
        exchange = nil
        close()
    }

    // MARK: Silence

    /// When something has to happen, as far as is known now.
    private var limit: NIODeadline { exchange.map { min($0.deadline, last + silence) } ?? last + keepAlive }

    /// Sees to it that there is a timer that goes off in time. It may go off early: then the next one is set.
    private func watch() {
        let limit = limit
        if let timer, timer.time <= limit { return }
        timer?.task.cancel()
        timer = (limit, pool.loop.scheduleTask(deadline: limit) { self.checkTime() })
    }

    private func checkTime() {
        timer = nil
        let now = NIODeadline.now()
        guard limit <= now else { return watch() }
        guard let exchange else { return close() }
        isDoubtful = false
        fail(exchange.deadline <= now ? HTTPClientError.deadlineExceeded : HTTPClientError.readTimeout)
    }
}
