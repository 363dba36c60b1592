import NIOCore
import NIOHTTP1

/// Tells the two protocols apart by the first bytes of a connection: a method of HTTP, or else a line.
final class ConnectionSniffer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let methods = [
        "GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "TRACE ", "CONNECT ",
    ]

    private let daemon: TransferService
    private var received = ByteBuffer()

    init(_ daemon: TransferService) { self.daemon = daemon }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        received.writeBuffer(&buffer)
        let start = received.readableBytesView.prefix(8)
        let matches = Self.methods.filter { method in
            zip(method.utf8, start).allSatisfy { $0 == $1 }
        }
        // As long as a method may yet come, nothing is decided.
        if let method = matches.first, start.count < method.utf8.count, !start.contains(0x0A) { return }
        do {
            let pipeline = context.pipeline.syncOperations
            if matches.isEmpty || start.contains(0x0A) {
                try pipeline.addHandler(LineHandler(daemon))
            } else {
                try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                try pipeline.addHandler(UploadHandler(daemon))
            }
        } catch {
            context.close(promise: nil)
            return
        }
        let whole = received
        received.clear()
        context.fireChannelRead(wrapInboundOut(whole))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Whoever ends without a request only wanted to know whether somebody listens.
        if event is IdleStateHandler.IdleStateEvent || event as? ChannelEvent == .inputClosed {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
