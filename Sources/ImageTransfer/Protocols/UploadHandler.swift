import NIOCore
import NIOHTTP1
import ObjectStorage

/// The HTTP protocol: `POST /upload` with a form, `/version` and `/metrics`.
final class UploadHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let longest = 1 << 20

    private let daemon: TransferService
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var isBusy = false
    /// Whether the client sends nothing more.
    private var isEnding = false
    /// How long a whole request may take to come.
    private let silence: SilenceWatch

    init(_ daemon: TransferService, _ silence: SilenceWatch) {
        self.daemon = daemon
        self.silence = silence
    }

    func handlerAdded(context: ChannelHandlerContext) { silence.watch(context) }
    func handlerRemoved(context: ChannelHandlerContext) { silence.forget(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
            silence.watch(context)
            if head.headers[canonicalForm: "expect"].contains("100-continue") {
                context.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
            }
        case .body(var part):
            guard body.readableBytes <= Self.longest else { return }
            body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            self.head = nil
            isBusy = true
            silence.forget(context)
            guard body.readableBytes <= Self.longest else {
                return respond(context, head, .message(413, "the form is longer than a mebibyte"))
            }
            let request = UploadRequest(
                path: String(head.uri.prefix { $0 != "?" }),
                contentType: head.headers[canonicalForm: "content-type"].first.map(String.init) ?? "",
                body: String(buffer: body))
            let promise = context.eventLoop.makePromise(of: UploadAnswer.self)
            let executor = daemon.executor(context.eventLoop)
            Task(executorPreference: executor) { [daemon] in
                promise.succeed(await daemon.answer(request, on: executor))
            }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            promise.futureResult.whenSuccess { answer in
                let (handler, context) = bound.value
                handler.respond(context, head, answer)
            }
        }
    }

    private func respond(_ context: ChannelHandlerContext, _ request: HTTPRequestHead, _ answer: UploadAnswer) {
        isBusy = false
        let isKept = request.isKeepAlive && !isEnding
        if isKept { silence.watch(context) }
        var head = HTTPResponseHead(version: request.version, status: .init(statusCode: answer.status))
        head.headers.add(name: "content-type", value: answer.type)
        head.headers.add(name: "content-length", value: String(answer.body.count))
        if let error = answer.error { head.headers.add(name: "x-error", value: error) }
        if !isKept { head.headers.add(name: "connection", value: "close") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        guard !isKept else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.whenComplete { _ in bound.value.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event as? ChannelEvent == .inputClosed else { return context.fireUserInboundEventTriggered(event) }
        isEnding = true
        if !isBusy { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
