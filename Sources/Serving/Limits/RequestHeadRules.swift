import HTTPTypes
import NIOCore
import NIOHTTP1

/// Checks what the parser lets pass in heads of requests, and speaks HTTP/1.0 with those who do (RFC 9110 and 9112).
///
/// Sits between the parser and the rest, where heads are still as they came.
final class RequestHeadRules: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Whether each unanswered request is of version 1.0, the oldest first.
    private var isOld: [Bool] = []
    private var isBroken = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        if let violation = Self.violation(in: head) {
            isBroken = true
            return context.fireErrorCaught(violation)
        }
        let isOld = head.version.minor < 1
        self.isOld.append(isOld)
        let isLast = isOld || head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "close" }
        // In the one spelling that is understood further on.
        if isLast { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        if isOld { head.headers.remove(name: "Expect") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), head.status.code >= 200, !isOld.isEmpty, isOld.removeFirst()
        else { return context.write(data, promise: promise) }
        // A client of that version knows no chunks: the end of the connection is the end of the response.
        head.version = .http1_0
        head.headers.remove(name: "Transfer-Encoding")
        head.headers.replaceOrAdd(name: "Connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    private static func violation(in head: HTTPRequestHead) -> RequestViolation? {
        guard head.version.major == 1 else {
            return RequestViolation(.httpVersionNotSupported, "Only HTTP/1.1 and HTTP/1.0 are understood.")
        }
        let isOld = head.version.minor < 1
        let hosts = head.headers["host"].count
        guard hosts == 1 || isOld && hosts == 0 else {
            return RequestViolation(.badRequest, "The request must have one 'Host' field; it has \(hosts).")
        }
        let codings = head.headers[canonicalForm: "transfer-encoding"].map { $0.lowercased() }
        if !codings.isEmpty {
            guard !isOld else { return RequestViolation(.badRequest, "HTTP/1.0 knows no 'Transfer-Encoding'.") }
            guard codings.allSatisfy({ $0 == "chunked" }) else {
                return RequestViolation(.notImplemented, "The only 'Transfer-Encoding' that is understood is 'chunked'.")
            }
            guard codings.count == 1, head.headers["content-length"].isEmpty else {
                return RequestViolation(.badRequest, "The length of the request's body is not stated clearly.")
            }
        }
        let expectations = head.headers[canonicalForm: "expect"]
        guard isOld || expectations.allSatisfy({ $0.lowercased() == "100-continue" }) else {
            return RequestViolation(.expectationFailed, "The only 'Expect' that is understood is '100-continue'.")
        }
        return nil
    }
}
