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

    init(_ daemon: TransferService) { self.daemon = daemon }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
            isBusy = true
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
            guard body.readableBytes <= Self.longest else {
                return respond(context, head, .message(413, "the form is longer than a mebibyte"))
            }
            let request = UploadRequest(
                path: String(head.uri.prefix { $0 != "?" }), isForm: head.headers.isForm, body: String(buffer: body))
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
        var head = HTTPResponseHead(version: request.version, status: .init(statusCode: answer.status))
        head.headers.add(name: "content-type", value: answer.type)
        head.headers.add(name: "content-length", value: String(answer.body.count))
        if let error = answer.error { head.headers.add(name: "x-error", value: error) }
        if !request.isKeepAlive { head.headers.add(name: "connection", value: "close") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        guard !request.isKeepAlive else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.whenComplete { _ in bound.value.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isBusy, event is IdleStateHandler.IdleStateEvent || event as? ChannelEvent == .inputClosed {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension HTTPHeaders {
    fileprivate var isForm: Bool {
        self[canonicalForm: "content-type"].first?.lowercased().hasPrefix("application/x-www-form-urlencoded") ?? false
    }
}
