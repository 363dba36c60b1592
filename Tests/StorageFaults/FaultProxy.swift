import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// What goes wrong with one request on its way to a real server.
public enum Fault: Sendable, Hashable {
    /// Answered with a status before the server hears of it.
    case status(Int, body: String = "")
    /// Answered with a status though the server did what was asked.
    case statusAfterwards(Int)
    /// Done by the server; the connection ends without an answer.
    case lostAnswer
    /// The connection is reset after so many bytes of the request's body.
    case resetInRequest(after: Int)
    /// The connection is reset after so many bytes of the answer's body.
    case resetInAnswer(after: Int)
    /// The connection is closed in order after so many bytes of the answer's body.
    case cutAnswer(after: Int)
    /// The answer says and has fewer bytes than the server sent.
    case shortenedAnswer(by: Int)
    /// Nothing comes any more after so many bytes of the answer's body; -1 for no answer at all.
    case stall(after: Int)
    /// A byte of the answer's body is changed.
    case damagedAnswer
    /// A byte of the request's body is changed before the server gets it.
    case damagedRequest
    /// The answer has another tag.
    case wrongTag
    /// The answer's tag is no digest, as with encrypted buckets.
    case opaqueTag
}

/// A proxy before a real server that lets go wrong what a test asks for. Call `stop()` in the end.
public final class FaultProxy: Sendable {
    public struct Request: Sendable {
        public let method: String
        public let uri: String
        public let bytes: Int
    }

    /// Gives the fault of a request; `nil` for none.
    public typealias Plan = @Sendable (Request) -> Fault?

    private let channel: any Channel
    private let client: HTTPClient
    fileprivate let upstream: String
    private let state = Mutex<(plan: Plan, log: [Request], faults: Int)>(({ _ in nil }, [], 0))

    public var address: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

    /// - Parameter upstream: the server's address, without a final slash.
    public init(_ upstream: String) async throws {
        self.upstream = upstream
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10), read: .seconds(60)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
        let owner = Owner()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let proxy = owner.proxy.withLock({ $0 }) else { throw ChannelError.ioOnClosedChannel }
                    try channel.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
                        ProxyHandler(proxy),
                    ])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        owner.proxy.withLock { $0 = self }
    }

    /// What happens to requests from now on.
    public func plan(_ plan: @escaping Plan) { state.withLock { $0.plan = plan } }

    /// The next requests have these faults, one each; those after them none.
    public func next(_ faults: [Fault], only isMeant: @escaping @Sendable (Request) -> Bool = { _ in true }) {
        let left = Mutex(faults)
        plan { request in
            guard isMeant(request) else { return nil }
            return left.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        }
    }

    /// All requests since the beginning, in the order in which they were complete.
    public var requests: [Request] { state.withLock { $0.log } }
    /// How many went wrong.
    public var faults: Int { state.withLock { $0.faults } }

    public func stop() async throws {
        try await channel.close()
        try await client.shutdown()
    }

    fileprivate func fault(_ request: Request) -> Fault? {
        state.withLock { state in
            state.log.append(request)
            let fault = state.plan(request)
            if fault != nil { state.faults += 1 }
            return fault
        }
    }

    fileprivate func forward(
        _ head: HTTPRequestHead, _ body: ByteBuffer
    ) async throws -> (HTTPResponseStatus, HTTPHeaders, ByteBuffer) {
        var request = HTTPClientRequest(url: upstream + head.uri)
        request.method = head.method
        request.headers = head.headers
        request.headers.remove(name: "content-length")
        request.headers.remove(name: "transfer-encoding")
        request.headers.remove(name: "connection")
        request.headers.remove(name: "expect")
        if body.readableBytes > 0 || head.headers.contains(name: "content-length") { request.body = .bytes(body) }
        let response = try await client.execute(request, timeout: .seconds(120))
        let bytes = head.method == .HEAD ? ByteBuffer() : try await response.body.collect(upTo: 1 << 30)
        return (response.status, response.headers, bytes)
    }

    private final class Owner: Sendable { let proxy = Mutex<FaultProxy?>(nil) }
}

/// Collects a request, has it forwarded, and writes the answer byte by byte as the fault says.
private final class ProxyHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let proxy: FaultProxy
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var fault: Fault?

    init(_ proxy: FaultProxy) { self.proxy = proxy }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
            let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
            fault = proxy.fault(FaultProxy.Request(method: head.method.rawValue, uri: head.uri, bytes: length))
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                write(context, "HTTP/1.1 100 Continue\r\n\r\n")
            }
            checkReset(context)
        case .body(var part):
            body.writeBuffer(&part)
            checkReset(context)
        case .end:
            guard let head else { return }
            self.head = nil
            answer(context, head)
        }
    }

    private func checkReset(_ context: ChannelHandlerContext) {
        if case .resetInRequest(let bytes) = fault, body.readableBytes >= bytes { reset(context) }
    }

    private func answer(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
        let fault = fault
        switch fault {
        case .status(let code, let body): return respond(context, head, code, [:], ByteBuffer(string: body))
        case .stall(-1): return
        case .resetInRequest: return reset(context)
        case .damagedRequest where body.readableBytes > 0:
            let place = body.readerIndex + body.readableBytes / 2
            body.setInteger((body.getInteger(at: place, as: UInt8.self) ?? 0) ^ 0x40, at: place)
        default: break
        }
        let (proxy, body) = (proxy, body)
        let promise = context.eventLoop.makePromise(of: (HTTPResponseStatus, HTTPHeaders, ByteBuffer).self)
        promise.completeWithTask { try await proxy.forward(head, body) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            let (handler, context) = bound.value
            switch result {
            case .success(let (status, headers, bytes)):
                handler.pass(context, head, Int(status.code), headers, bytes, fault)
            case .failure: context.close(promise: nil)
            }
        }
    }

    private func pass(
        _ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ status: Int, _ headers: HTTPHeaders,
        _ bytes: ByteBuffer, _ fault: Fault?
    ) {
        var (headers, bytes) = (headers, bytes)
        let length = bytes.readableBytes
        switch fault {
        case .statusAfterwards(let code): return respond(context, head, code, [:], ByteBuffer())
        case .lostAnswer: return context.close(promise: nil)
        case .wrongTag where headers.contains(name: "etag"):
            headers.replaceOrAdd(name: "etag", value: "\"00000000000000000000000000000000\"")
        case .opaqueTag where headers.contains(name: "etag"):
            headers.replaceOrAdd(name: "etag", value: "\"opaque\"")
        case .damagedAnswer where length > 0:
            let place = bytes.readerIndex + length / 2
            bytes.setInteger((bytes.getInteger(at: place, as: UInt8.self) ?? 0) ^ 0x40, at: place)
        case .shortenedAnswer(let count) where length >= count:
            bytes = bytes.getSlice(at: bytes.readerIndex, length: length - count) ?? bytes
            headers.replaceOrAdd(name: "content-length", value: String(length - count))
        case .resetInAnswer(let count) where length > count,
            .cutAnswer(let count) where length > count,
            .stall(let count) where length > count:
            respond(
                context, head, status, headers, bytes.getSlice(at: bytes.readerIndex, length: count) ?? bytes,
                saying: length)
            switch fault {
            // What was written has to leave before the connection ends.
            case .resetInAnswer:
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                context.eventLoop.scheduleTask(in: .milliseconds(30)) {
                    let (handler, context) = bound.value
                    handler.reset(context)
                }
            case .cutAnswer: context.close(promise: nil)
            default: break
            }
            return
        default: break
        }
        respond(context, head, status, headers, bytes)
    }

    private func respond(
        _ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ status: Int, _ headers: HTTPHeaders,
        _ bytes: ByteBuffer, saying length: Int? = nil
    ) {
        var text = "HTTP/1.1 \(status) Answer\r\n"
        for (name, value) in headers
        where !["connection", "transfer-encoding", "content-length", "keep-alive"].contains(name.lowercased()) {
            text += "\(name): \(value)\r\n"
        }
        let isHead = head.method == .HEAD
        let stated = isHead ? headers.first(name: "content-length") : nil
        if status != 204 { text += "content-length: \(stated ?? String(length ?? bytes.readableBytes))\r\n" }
        write(context, text + "\r\n")
        if !isHead, status != 204 { context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
    }

    private func write(_ context: ChannelHandlerContext, _ text: String) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    /// Closes at once, with a reset instead of an orderly end.
    private func reset(_ context: ChannelHandlerContext) {
        let linger = linger(l_onoff: 1, l_linger: 0)
        (context.channel as? any SocketOptionProvider)?.setSoLinger(linger).whenComplete { _ in }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
