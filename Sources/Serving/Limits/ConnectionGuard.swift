import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Watches one connection between the HTTP codec and the handlers: counts it, and ends it when its client takes too long
/// to send a request, to receive a response, or has gone.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let ledger: ConnectionLedger
    private let limits: ServingLimits
    private let refusals: @Sendable (Refusal) -> Void
    private var connection: Connection?
    private var isAdmitted = false
    private var requestCount = 0
    private var isReadingBody = false
    private var hasWrittenHead = false
    /// Whether bytes have come that do not make up a part yet.
    private var hasLooseBytes = false
    private var inputIsClosed = false
    private var readTimer: (isForBody: Bool, task: Scheduled<Void>)?
    private var stallTimer: Scheduled<Void>?

    /// Why a connection was ended.
    enum Refusal: String {
        case connections, slowHead = "slow_head", slowBody = "slow_body", slowReader = "slow_reader"
    }

    init(_ ledger: ConnectionLedger, _ limits: ServingLimits, refusals: @escaping @Sendable (Refusal) -> Void) {
        self.ledger = ledger
        self.limits = limits
        self.refusals = refusals
    }

    // MARK: The life of a connection

    func handlerAdded(context: ChannelHandlerContext) {
        let connection = Connection(context.channel)
        self.connection = connection
        isAdmitted = ledger.admit(connection)
        // Bytes are seen before the decoder; without this handler, which always can be added, there is one limit less.
        try? context.pipeline.syncOperations.addHandler(
            ByteWatch { [unowned self] in hasLooseBytes = true }, position: .first)
        if context.channel.isActive, !isAdmitted { refuse(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        guard isAdmitted else { return refuse(context) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        readTimer?.task.cancel()
        stallTimer?.cancel()
        while requestCount > 0 {
            requestCount -= 1
            ledger.responseEnded()
        }
        if let connection {
            ledger.remove(connection)
            connection.end()
        }
        context.fireChannelInactive()
    }

    private func refuse(_ context: ChannelHandlerContext) {
        refusals(.connections)
        end(context, .serviceUnavailable)
    }

    /// Ends the connection, with a status if no response has begun.
    private func end(_ context: ChannelHandlerContext, _ status: HTTPResponse.Status) {
        if !hasWrittenHead {
            let fields: HTTPFields = [.connection: "close", .contentLength: "0", .retryAfter: "5"]
            context.write(wrapOutboundOut(.head(HTTPResponse(status: status, headerFields: fields))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.close(promise: nil)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasLooseBytes = false
        switch unwrapInboundIn(data) {
        case .head:
            requestCount += 1
            ledger.requestBegan()
            isReadingBody = true
            connection?.idleSince = nil
        case .body: break
        case .end: isReadingBody = false
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isReadingBody {
            expect(context, isForBody: true, within: limits.bodyTime)
        } else if hasLooseBytes {
            expect(context, isForBody: false, within: limits.headTime)
        } else {
            readTimer?.task.cancel()
            readTimer = nil
        }
        context.fireChannelReadComplete()
    }

    private func expect(_ context: ChannelHandlerContext, isForBody: Bool, within time: Duration) {
        guard readTimer?.isForBody != isForBody else { return }
        readTimer?.task.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        readTimer = (
            isForBody,
            context.eventLoop.scheduleTask(in: TimeAmount(time)) {
                let (handler, context) = bound.value
                handler.refusals(isForBody ? .slowBody : .slowHead)
                handler.end(context, .requestTimeout)
            }
        )
    }

    // MARK: Responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head: hasWrittenHead = true
        case .body: break
        case .end:
            hasWrittenHead = false
            let promise = promise ?? context.eventLoop.makePromise()
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { _ in bound.value.responseSent() }
            return context.write(data, promise: promise)
        }
        context.write(data, promise: promise)
    }

    /// The system has all bytes of a response, or never will.
    private func responseSent() {
        // Not for refusals, which answer no request.
        guard requestCount > 0 else { return }
        requestCount -= 1
        ledger.responseEnded()
        if requestCount == 0 { connection?.idleSince = .now }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            stallTimer?.cancel()
            stallTimer = nil
        } else if stallTimer == nil {
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            stallTimer = context.eventLoop.scheduleTask(in: TimeAmount(limits.stalledTime)) {
                let (handler, context) = bound.value
                handler.refusals(.slowReader)
                context.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    /// A client that closes its side is taken for gone, after a moment in which the response to a last request can end.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent, !inputIsClosed {
            inputIsClosed = true
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: TimeAmount(limits.halfClosedTime)) {
                bound.value.close(promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }
}

/// Tells that bytes have come.
private final class ByteWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny
    private let onBytes: () -> Void

    init(_ onBytes: @escaping () -> Void) { self.onBytes = onBytes }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        onBytes()
        context.fireChannelRead(data)
    }
}

extension TimeAmount {
    init(_ duration: Duration) { self = .nanoseconds(duration.wholeNanoseconds) }
}
