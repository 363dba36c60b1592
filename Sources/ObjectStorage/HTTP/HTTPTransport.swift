import AsyncHTTPClient
public import NIOCore
import NIOHTTP1
public import NIOPosix
import NIOSSL

/// How requests to storage services are made.
public struct HTTPSettings: Sendable, Hashable {
    public var connectTimeout: Duration = .seconds(10)
    /// The longest silence of the other side. Services that put large objects together, or copy them, may say nothing
    /// until they have done it; Python waits as long.
    public var idleTimeout: Duration = .seconds(180)
    /// For one attempt of a whole request, its body included; more for large bodies: see ``timeout(sending:)``.
    public var requestTimeout: Duration = .seconds(600)
    /// Requests at a time, and connections a host.
    public var connections = 32
    /// For how long a connection that nobody uses is kept.
    public var keepAlive: Duration = .seconds(60)
    /// A file or a folder with certificates to trust instead of the system's.
    public var certificates: String?
    /// Files with a certificate and its key to show to servers.
    public var identity: Identity?
    public var retries = RetryPolicy()

    public struct Identity: Sendable, Hashable {
        public let certificate: String
        public let key: String
        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    public init() {}

    /// For one attempt of a request with so many bytes: large ones may take a second a mebibyte.
    func timeout(sending bytes: Int64) -> Duration {
        bytes > 64 << 20 ? max(requestTimeout, .seconds(bytes >> 20)) : requestTimeout
    }

    /// With the timeouts and bundles of certificates that the environment names: `AWS_CA_BUNDLE`,
    /// `LSST_HTTP_CACERT_BUNDLE`, `REQUESTS_CA_BUNDLE`, `LSST_HTTP_TIMEOUT_CONNECT`, `LSST_HTTP_TIMEOUT_READ`
    /// (seconds), `LSST_HTTP_AUTH_CLIENT_CERT` and `LSST_HTTP_AUTH_CLIENT_KEY`, or `X509_USER_PROXY`.
    public init(environment: [String: String]) {
        func text(_ names: String...) -> String? {
            names.lazy.compactMap { environment[$0].flatMap { $0.isEmpty ? nil : $0 } }.first
        }
        func seconds(_ name: String) -> Duration? {
            text(name).flatMap { Double($0) }.flatMap { $0 > 0 ? .seconds($0) : nil }
        }
        certificates = text("AWS_CA_BUNDLE", "LSST_HTTP_CACERT_BUNDLE", "REQUESTS_CA_BUNDLE")
        if let certificate = text("LSST_HTTP_AUTH_CLIENT_CERT", "X509_USER_PROXY") {
            identity = Identity(certificate: certificate, key: text("LSST_HTTP_AUTH_CLIENT_KEY") ?? certificate)
        }
        connectTimeout = seconds("LSST_HTTP_TIMEOUT_CONNECT") ?? connectTimeout
        idleTimeout = seconds("LSST_HTTP_TIMEOUT_READ") ?? idleTimeout
    }
}

/// Sends HTTP requests over connections that are kept, a bounded number at a time.
public final class HTTPTransport: Sendable {
    public let settings: HTTPSettings
    let budget = RetryBudget()
    private let client: HTTPClient
    private let limit: ConcurrencyLimit
    /// Connections for requests that send bytes.
    let own: SendingConnections?

    /// - Parameters:
    ///   - loops: what the connections live on.
    ///   - keepsOwnConnections: whether requests that send bytes have connections of their own, which cost less where
    ///     there are many: see ``SendingConnections``.
    ///   - onConnection: called with the channel of each new connection.
    /// - Throws: ``ObjectStorageError/invalidSettings(reason:)`` for certificates that cannot be read.
    public init(
        _ settings: HTTPSettings = HTTPSettings(),
        loops: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, keepsOwnConnections: Bool = false,
        onConnection: (@Sendable (any Channel) -> Void)? = nil
    ) throws(ObjectStorageError) {
        self.settings = settings
        limit = ConcurrencyLimit(width: settings.connections)
        let tls = try Self.tls(settings)
        own =
            keepsOwnConnections
            ? SendingConnections(settings, tls: tls, loops: loops, onConnection: onConnection) : nil
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(
                connect: TimeAmount(settings.connectTimeout), read: TimeAmount(settings.idleTimeout),
                write: TimeAmount(settings.idleTimeout)),
            connectionPool: .init(
                // These are not watched while nobody uses them, so old ones may be dead.
                idleTimeout: TimeAmount(min(settings.keepAlive, .seconds(60))),
                // Bodies that are still being read hold connections without holding a place.
                concurrentHTTP1ConnectionsPerHostSoftLimit: settings.connections + 16),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        if let onConnection {
            configuration.http1_1ConnectionDebugInitializer = { channel in
                onConnection(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        }
        client = HTTPClient(eventLoopGroup: loops, configuration: configuration)
    }

    deinit {
        client.shutdown { _ in }
        own?.close()
    }

    private static func tls(_ settings: HTTPSettings) throws(ObjectStorageError) -> TLSConfiguration? {
        guard settings.certificates != nil || settings.identity != nil else { return nil }
        var tls = TLSConfiguration.makeClientConfiguration()
        if let file = settings.certificates {
            do { tls.trustRoots = try trusted(file) } catch {
                throw .invalidSettings(
                    reason: "the certificates in '\(file)' cannot be read (\(error)); give a PEM file")
            }
        }
        if let identity = settings.identity {
            do {
                tls.certificateChain = try NIOSSLCertificate.fromPEMFile(identity.certificate).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: identity.key, format: .pem))
            } catch {
                throw .invalidSettings(
                    reason: "the certificate '\(identity.certificate)' with key '\(identity.key)' cannot be read "
                        + "(\(error)); give PEM files")
            }
        }
        return tls
    }

    private static func trusted(_ path: String) throws -> NIOSSLTrustRoots {
        do { _ = try FileDescriptor.reading(path, naming: path) } catch ObjectStorageError.notAFile {
            // Of a folder those files count that are named by digests of their subjects, as `openssl rehash` does.
            return .file(path)
        }
        return .certificates(try NIOSSLCertificate.fromPEMFile(path))
    }

    /// Waits for a place, sends the request and gives the head of the answer. The body must be read or cancelled; the
    /// place is held until the slot is released.
    ///
    /// - Parameters:
    ///   - path: what error texts name.
    ///   - bytes: of the body.
    /// - Throws: ``TransientFailure``, `ObjectStorageError`, `CancellationError`.
    func send(
        _ request: HTTPClientRequest, path: String, operation: String, sending bytes: Int64 = 0
    ) async throws -> (response: HTTPClientResponse, slot: ConcurrencyLimit.Slot) {
        let slot = try await limit.enter()
        do {
            let deadline = NIODeadline.now() + TimeAmount(settings.timeout(sending: bytes))
            return (try await client.execute(request, deadline: deadline), slot)
        } catch {
            slot.release()
            throw Self.failure(error, path: path, operation: operation)
        }
    }

    /// Sends the request and reads the whole answer.
    ///
    /// - Parameters:
    ///   - bytes: of the request's body.
    ///   - limit: bytes; a longer answer is a failure.
    func collect(
        _ request: HTTPClientRequest, path: String, operation: String, sending bytes: Int64 = 0, limit: Int = 64 << 20
    ) async throws -> HTTPAnswer {
        let (response, slot) = try await send(request, path: path, operation: operation, sending: bytes)
        defer { slot.release() }
        do {
            let isHead = request.method == .HEAD
            let body = isHead ? ByteBuffer() : try await response.body.collect(upTo: limit)
            if !isHead, let text = response.headers.first(name: "content-length"), let length = Int(text),
                length != body.readableBytes
            {
                throw TransientFailure(
                    error: .truncated(path: path, expected: Int64(length), received: Int64(body.readableBytes)))
            }
            return HTTPAnswer(status: Int(response.status.code), headers: response.headers, body: body)
        } catch {
            throw Self.failure(error, path: path, operation: operation)
        }
    }

    /// What a request begins with.
    struct Head: Sendable {
        let method: HTTPMethod
        /// With `://`.
        let scheme: String
        /// With the port, if it has one.
        let host: String
        /// Path and query.
        let target: String
        /// All but the length of the body.
        let headers: HTTPHeaders

        var url: String { scheme + host + target }
    }

    /// Sends a request with its content and reads the whole answer.
    func collect(
        _ head: Head, _ content: SendingConnections.Content, over own: SendingConnections, path: String,
        operation: String
    ) async throws -> HTTPAnswer {
        let slot = try await limit.enter()
        defer { slot.release() }
        do { return try await own.send(head, content) } catch {
            throw Self.failure(error, path: path, operation: operation)
        }
    }

    /// What a failure of the network means.
    static func failure(_ error: any Error, path: String, operation: String) -> any Error {
        func transient(_ reason: String, happened: Bool = true) -> TransientFailure {
            TransientFailure(
                error: .unreachable(path: path, operation: operation, reason: reason), mayHaveHappened: happened)
        }
        switch error {
        case is TransientFailure, is ObjectStorageError, is CancellationError: return error
        case let error as HTTPClientError:
            switch error {
            case .cancelled: return CancellationError()
            case .connectTimeout, .getConnectionFromPoolTimeout:
                return transient("no connection came about in time", happened: false)
            case .readTimeout, .writeTimeout: return transient("the service fell silent")
            case .deadlineExceeded: return transient("it took too long")
            case .remoteConnectionClosed: return transient("the service closed the connection")
            case .invalidURL, .emptyHost, .emptyScheme, .unsupportedScheme(""):
                return ObjectStorageError.invalidURI(text: path, reason: "it is no address of a service")
            default: return transient(error.shortDescription)
            }
        case let error as NIOSSLError:
            if case .handshakeFailed(let reason) = error {
                return ObjectStorageError.unreachable(
                    path: path, operation: operation, reason: "the encrypted connection failed (\(reason))")
            }
            return transient("\(error)")
        case is NIOConnectionError: return transient("the service does not accept connections", happened: false)
        case let error as IOError: return transient(error.description)
        case let error as NIOTooManyBytesError:
            return ObjectStorageError.unreachable(
                path: path, operation: operation,
                reason: "the answer is too long (\(error.maxBytes.map(String.init) ?? "")  bytes)")
        default: return transient("\(error)")
        }
    }
}

/// A whole answer.
struct HTTPAnswer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: ByteBuffer

    var text: String { String(buffer: body) }

    var isTransient: Bool { Self.isTransient(status) }

    static func isTransient(_ status: Int) -> Bool { [408, 429, 500, 502, 503, 504].contains(status) }

    var retryAfter: Duration? { Self.retryAfter(headers) }

    static func retryAfter(_ headers: HTTPHeaders) -> Duration? {
        headers.first(name: "retry-after").flatMap { Double($0) }.map { .seconds(min(max($0, 0), 3600)) }
    }
}
