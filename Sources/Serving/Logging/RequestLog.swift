import Hummingbird
import Logging
import NIOCore

/// Logs and measures every request once it is answered: when the last byte of a stream is handed to the connection, or, for short
/// responses, when they are complete in memory.
struct RequestLogMiddleware: RouterMiddleware {
    typealias Context = ServingContext
    let logger: Logger
    let metrics: ServiceMetrics

    /// Bodies up to this size are not followed to the end; their time on the way out is negligible.
    static let shortBody = 64 << 10
    private static let probes: Set<Substring> = ["/", "/healthz", "/readyz", "/metrics"]

    func handle(
        _ request: Request, context: ServingContext, next: (Request, ServingContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var response = try await next(request, context)
        let entry = Entry(
            logger: logger, metrics: metrics, route: context.endpointPath ?? "none", method: request.method.rawValue,
            start: start, status: response.status.code,
            // Probes would drown everything else.
            level: Self.probes.contains(request.uri.path[...]) ? .debug : .info,
            identity: Self.identity(of: request, context))
        if request.method != .head, response.body.contentLength.map({ $0 > Self.shortBody }) ?? true {
            let body = response.body
            response.body = ResponseBody(contentLength: body.contentLength) { writer in
                let count = ByteCount()
                do {
                    try await body.write(CountingWriter(base: writer, count: count))
                    entry.write(bytes: count.total)
                } catch {
                    entry.write(bytes: count.total, interruptedBy: error)
                    throw error
                }
            }
        } else {
            entry.write(bytes: request.method == .head ? 0 : response.body.contentLength ?? 0)
        }
        return response
    }

    /// What identifies a request in log lines. Text from clients is shortened.
    static func identity(of request: Request, _ context: ServingContext) -> Logger.Metadata {
        var fields: Logger.Metadata = [
            "method": .string(request.method.rawValue), "path": .string(String(request.uri.path.prefix(1000))),
        ]
        if case .some(let id) = context.logger[metadataKey: "hb.request.id"] { fields["request_id"] = .string("\(id)") }
        if let id = request.headers[.xButlerClientRequestID] {
            fields["client_request_id"] = .string(String(id.prefix(100)))
        }
        if let user = request.headers[.xAuthRequestUser] { fields["user"] = .string(String(user.prefix(100))) }
        return fields
    }

    private struct Entry: Sendable {
        let logger: Logger
        let metrics: ServiceMetrics
        let route: String
        let method: String
        let start: ContinuousClock.Instant
        let status: Int
        let level: Logger.Level
        let identity: Logger.Metadata

        func write(bytes: Int, interruptedBy error: (any Error)? = nil) {
            let nanoseconds = start.duration(to: .now).wholeNanoseconds
            metrics.request(route: route, method: method, status: status, nanoseconds: nanoseconds)
            let microseconds = nanoseconds / 1000
            var fields = identity
            fields["status"] = .stringConvertible(status)
            fields["bytes"] = .stringConvertible(bytes)
            fields["duration_ms"] = .stringConvertible(Double(microseconds) / 1000)
            if let error { fields["interrupted"] = .string("\(error)") }
            logger.log(level: error == nil ? level : .warning, "request", metadata: fields)
        }
    }
}

/// Bytes of one body; touched by the one task that writes it.
private final class ByteCount {
    var total = 0
}

private struct CountingWriter: ResponseBodyWriter {
    var base: any ResponseBodyWriter
    let count: ByteCount

    mutating func write(_ buffer: ByteBuffer) async throws {
        let bytes = buffer.readableBytes
        try await base.write(buffer)
        count.total += bytes
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await base.finish(trailingHeaders) }
}
