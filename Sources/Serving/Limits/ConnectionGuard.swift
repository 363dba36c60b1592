import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import StructuredData

/// Watches one connection between the HTTP codec and the handlers: counts it, and ends it when its client takes too long
/// to send a request, to receive a response, or has gone.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let ledger: ConnectionLedger
    private let limits: ServingLimits
    private let refusals: @Sendable (Refusal, _ detail: String, _ peer: SocketAddress?) -> Void
    private var connection: Connection?
    private var isAdmitted = false
    private var requestCount = 0
    private var isReadingBody = false
    private var hasWrittenHead = false
    /// Requests whose response has not been written to its end.
    private var unanswered = 0
    /// Bytes of the present request's body that came after its response.
    private var thrownAway = 0
    private var violation: RequestViolation?
    /// Whether nothing more is to be written.
    private var isEnded = false
    /// Whether bytes have come that do not make up a part yet.
    private var hasLooseBytes = false
    private var inputIsClosed = false
    private var readTimer: (isForBody: Bool, task: Scheduled<Void>)?
    private var stallTimer: Scheduled<Void>?

    /// Why a connection was ended.
    enum Refusal: String {
        case connections, slowHead = "slow_head", slowBody = "slow_body", slowReader = "slow_reader"
        case malformed
    }

    /// The rest of a body whose request has been answered is read to this size.
    private static let mostThrownAway = 64 << 20

    /// - Parameter refusals: is told why a connection is ended, with the text for its client and where it comes from.
    init(
        _ ledger: ConnectionLedger, _ limits: ServingLimits,
        refusals: @escaping @Sendable (Refusal, _ detail: String, _ peer: SocketAddress?) -> Void
    ) {
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
        if let codec = try? context.pipeline.syncOperations.handler(type: HTTP1ToHTTPServerCodec.self) {
            try? context.pipeline.syncOperations.addHandler(RequestHeadRules(), position: .before(codec))
        }
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
        end(
            context, .connections, .serviceUnavailable, "The server has too many connections; try again.",
            headers: [.retryAfter: "5"])
    }

    /// Ends the connection, with an answer if it can only be taken for that of the request in question.
    private func end(
        _ context: ChannelHandlerContext, _ reason: Refusal, _ status: HTTPResponse.Status, _ detail: String,
        headers: HTTPFields = [:]
    ) {
        guard !isEnded else { return }
        refusals(reason, detail, context.channel.remoteAddress)
        if !hasWrittenHead, unanswered == (isReadingBody ? 1 : 0) {
            var writer = JSONWriter()
            writer.value(.object(["detail": .string(detail)]))
            var headers = headers
            (headers[.connection], headers[.contentType]) = ("close", "application/json")
            headers[.contentLength] = String(writer.bytes.count)
            context.write(wrapOutboundOut(.head(HTTPResponse(status: status, headerFields: headers))), promise: nil)
            context.write(wrapOutboundOut(.body(ByteBuffer(bytes: writer.bytes))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        isEnded = true
        context.close(promise: nil)
    }

    /// What the parser refuses is answered here, unless there is a request in progress: one that is being read learns of
    /// it as it reads, and a later one has to wait for its turn.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let found = RequestViolation(error) else { return context.fireErrorCaught(error) }
        guard violation == nil else { return }
        violation = found
        if unanswered == 0 {
            end(context, .malformed, found.status, found.detail)
        } else if isReadingBody {
            refusals(.malformed, found.detail, context.channel.remoteAddress)
        }
        // The framework ends its work for the connection at errors of the parser only.
        context.fireErrorCaught(error is HTTPParserError ? error : HTTPParserError.unknown)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasLooseBytes = false
        switch unwrapInboundIn(data) {
        case .head:
            unanswered += 1
            thrownAway = 0
            requestCount += 1
            ledger.requestBegan()
            isReadingBody = true
            connection?.idleSince = nil
        case .body(let part):
            guard unanswered == 0 else { break }
            thrownAway += part.readableBytes
            if thrownAway > Self.mostThrownAway {
                isEnded = true
                context.close(promise: nil)
            }
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
                handler.end(
                    context, isForBody ? .slowBody : .slowHead, .requestTimeout,
                    "The request did not come to its end in time.", headers: [.retryAfter: "5"])
            }
        )
    }

    // MARK: Responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // The framework answers what the parser refused too, without saying what it was.
        if !isEnded, unanswered == 0, let violation {
            end(context, .malformed, violation.status, violation.detail)
        }
        guard !isEnded else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head: hasWrittenHead = true
        case .body: break
        case .end:
            hasWrittenHead = false
            unanswered = max(0, unanswered - 1)
            let promise = promise ?? context.eventLoop.makePromise()
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { _ in bound.value.responseSent() }
            context.write(data, promise: promise)
            // The answer to a request whose body broke the rules was the last.
            if violation != nil, isReadingBody, unanswered == 0 {
                isEnded = true
                context.flush()
                context.close(promise: nil)
            }
            return
        }
        context.write(data, promise: promise)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is Connection.BodyWanted else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        if !isEnded, !hasWrittenHead, isReadingBody, unanswered == 1 {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        promise?.succeed()
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
                handler.refusals(.slowReader, "", context.channel.remoteAddress)
                handler.isEnded = true
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
