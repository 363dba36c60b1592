import AsyncHTTPClient
import Dispatch
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Requests that send bytes and get short answers, over HTTP/1.1 connections that are kept.
///
/// They cost less than those of a client that can do all of HTTP: a task that runs on an event loop uses connections of
/// that loop, so that its request goes out and its answer comes back without a change of thread; head and bytes go in
/// one system call; of files one piece is read while another is sent; and no timer is set for a request, but one for a
/// connection.
final class SendingConnections: Sendable {
    /// What is sent.
    enum Content: Sendable {
        case bytes(ByteBuffer)
        case file(FilePieces)

        var length: Int {
            switch self {
            case .bytes(let bytes): bytes.readableBytes
            case .file(let pieces): pieces.range.count
            }
        }
    }

    let settings: HTTPSettings
    private let tls: TLSConfiguration?
    private let loops: any EventLoopGroup
    private let onConnection: (@Sendable (any Channel) -> Void)?
    private let context = Mutex<NIOSSLContext?>(nil)
    private let pools = Mutex<[ObjectIdentifier: LoopConnections]>([:])

    init(
        _ settings: HTTPSettings, tls: TLSConfiguration?, loops: any EventLoopGroup,
        onConnection: (@Sendable (any Channel) -> Void)?
    ) {
        self.settings = settings
        self.tls = tls
        self.loops = loops
        self.onConnection = onConnection
    }

    /// Sends a request and gives the whole answer.
    ///
    /// - Throws: `HTTPClientError` and errors of the network; `CancellationError`.
    func send(_ head: HTTPTransport.Head, _ content: Content) async throws -> HTTPAnswer {
        let loop = MultiThreadedEventLoopGroup.currentEventLoop ?? loops.next()
        let pool = pools.withLock { pools in
            if let known = pools[ObjectIdentifier(loop)] { return known }
            let new = LoopConnections(loop, self)
            pools[ObjectIdentifier(loop)] = new
            return new
        }
        let exchange = SendingExchange(
            head, content, deadline: .now() + TimeAmount(settings.timeout(sending: Int64(content.length))),
            loop.makePromise())
        return try await withTaskCancellationHandler {
            if loop.inEventLoop { pool.begin(exchange) } else { loop.execute { pool.begin(exchange) } }
            guard case .file(let pieces) = content else { return try await exchange.promise.futureResult.get() }
            async let reading: Void = Self.read(pieces, exchange, loop)
            let result: Result<HTTPAnswer, any Error>
            do { result = .success(try await exchange.promise.futureResult.get()) } catch { result = .failure(error) }
            exchange.gate.close()
            await reading
            return try result.get()
        } onCancel: {
            loop.execute { exchange.cancel() }
        }
    }

    /// Reads the pieces of a file as they are sent.
    private static func read(_ pieces: FilePieces, _ exchange: SendingExchange, _ loop: any EventLoop) async {
        do {
            for try await piece in pieces {
                guard await exchange.gate.enter() else { return }
                loop.execute { exchange.write(piece) }
            }
            loop.execute { exchange.writeEnd() }
        } catch {
            loop.execute { exchange.giveUp(error) }
        }
    }

    /// Closes connections that nobody uses, and others as soon as nobody does.
    func close() {
        for pool in pools.withLock({ Array($0.values) }) { pool.loop.execute { pool.close() } }
    }

    // MARK: Connecting

    /// Where requests go.
    struct Origin: Hashable {
        /// With `://`.
        let scheme: String
        /// With the port, if it has one.
        let host: String

        /// The name or number, and the port. `nil` for what is neither.
        var address: (name: String, port: Int)? {
            let usual = scheme == "https://" ? 443 : 80
            // A colon within brackets is of an address of version 6.
            let end = host.lastIndex(of: "]") ?? host.startIndex
            let colon = host[end...].lastIndex(of: ":")
            let name = host[..<(colon ?? host.endIndex)]
            guard let port = colon.map({ Int(host[host.index(after: $0)...]) }) ?? usual, !name.isEmpty else {
                return nil
            }
            return (name.hasPrefix("[") ? String(name.dropFirst().dropLast()) : String(name), port)
        }
    }

    func connect(_ origin: Origin, _ pool: LoopConnections) -> EventLoopFuture<SendingConnection> {
        guard ["http://", "https://"].contains(origin.scheme), let (name, port) = origin.address else {
            return pool.loop.makeFailedFuture(HTTPClientError.invalidURL)
        }
        let secured = origin.scheme == "https://" ? encryption(pool.loop) : pool.loop.makeSucceededFuture(nil)
        return secured.flatMap { [self] context in
            let connection = SendingConnection(origin, pool, settings)
            return ClientBootstrap(group: pool.loop)
                .connectTimeout(TimeAmount(settings.connectTimeout))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { [onConnection] channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let context {
                            let isNumber = (try? SocketAddress(ipAddress: name, port: port)) != nil
                            try pipeline.addHandler(
                                NIOSSLClientHandler(context: context, serverHostname: isNumber ? nil : name))
                        }
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(connection)
                        onConnection?(channel)
                    }
                }
                .connect(host: name, port: port)
                .map { _ in connection }
                .flatMapErrorThrowing { error in
                    if case ChannelError.connectTimeout = error { throw HTTPClientError.connectTimeout }
                    throw error
                }
        }
    }

    /// Certificates are read elsewhere, as that blocks.
    private func encryption(_ loop: any EventLoop) -> EventLoopFuture<NIOSSLContext?> {
        if let known = context.withLock({ $0 }) { return loop.makeSucceededFuture(known) }
        let promise = loop.makePromise(of: NIOSSLContext?.self)
        DispatchQueue.global().async { [self] in
            promise.completeWith(
                Result {
                    let new = try NIOSSLContext(configuration: tls ?? .makeClientConfiguration())
                    context.withLock { $0 = new }
                    return new
                })
        }
        return promise.futureResult
    }
}

/// The connections that live on one loop.
///
/// `@unchecked Sendable`: what changes is touched on the loop only.
final class LoopConnections: @unchecked Sendable {
    let loop: any EventLoop
    private weak var owner: SendingConnections?
    private var idle: [SendingConnections.Origin: [SendingConnection]] = [:]
    private var isClosed = false

    init(_ loop: any EventLoop, _ owner: SendingConnections) {
        self.loop = loop
        self.owner = owner
    }

    func begin(_ exchange: SendingExchange) {
        loop.assertInEventLoop()
        guard !exchange.isOver else { return }
        let origin = SendingConnections.Origin(scheme: exchange.head.scheme, host: exchange.head.host)
        if let connection = idle[origin]?.popLast() { return connection.begin(exchange) }
        guard let owner else { return exchange.end(.failure(HTTPClientError.alreadyShutdown)) }
        owner.connect(origin, self).whenComplete { result in
            switch result {
            case .failure(let error): exchange.end(.failure(error))
            case .success(let connection):
                // It is of use to others if nobody waits any more.
                if exchange.isOver { self.keep(connection) } else { connection.begin(exchange) }
            }
        }
    }

    /// Takes a connection that may be used again.
    func keep(_ connection: SendingConnection) {
        if isClosed { connection.close() } else { idle[connection.origin, default: []].append(connection) }
    }

    func forget(_ connection: SendingConnection) { idle[connection.origin]?.removeAll { $0 === connection } }

    func close() {
        isClosed = true
        let all = idle.values.joined()
        idle = [:]
        for connection in all { connection.close() }
    }
}
