import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Counts the requests in progress: admits no more than a limit, and none while the service drains.
public final class RequestGate: Sendable {
    private let limit: Int
    private let state = Mutex(State())

    private struct State {
        var count = 0
        var isDraining = false
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter = 0
    }

    enum Refusal: String { case overload, draining }

    init(limit: Int) { self.limit = limit }

    public var count: Int { state.withLock { $0.count } }
    public var isDraining: Bool { state.withLock { $0.isDraining } }

    /// The right to be answered, which ends with the last reference to it.
    final class Pass: Sendable {
        private let gate: RequestGate
        fileprivate init(_ gate: RequestGate) { self.gate = gate }
        deinit { gate.leave() }
    }

    func enter() -> Result<Pass, RefusedRequest> {
        let refusal = state.withLock { state -> Refusal? in
            if state.isDraining { return .draining }
            if state.count >= limit { return .overload }
            state.count += 1
            return nil
        }
        return refusal.map { .failure(RefusedRequest(reason: $0)) } ?? .success(Pass(self))
    }

    private func leave() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            guard state.count == 0 else { return [] }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Refuses new requests from now on.
    func drain() { state.withLock { $0.isDraining = true } }

    /// Returns when no request is in progress, or when the task is cancelled.
    func waitUntilEmpty() async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.count == 0 || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}

struct RefusedRequest: Error {
    let reason: RequestGate.Refusal

    var failure: HTTPFailure {
        switch reason {
        case .overload:
            HTTPFailure(
                .serviceUnavailable, "The server is overloaded with requests; try again.", headers: [.retryAfter: "5"])
        case .draining:
            HTTPFailure(
                .serviceUnavailable, "The server is about to stop; try again.",
                headers: [.retryAfter: "5", .connection: "close"])
        }
    }
}

/// Lets requests through the gate. A request has passed when its response is complete, or handed over if it is short.
struct RequestGateMiddleware: RouterMiddleware {
    typealias Context = ServingContext
    let gate: RequestGate
    let ledger: ConnectionLedger
    let metrics: ServiceMetrics
    /// Whether the service itself speaks TLS.
    let isSecure: Bool

    /// Paths that are answered whatever happens.
    private static let exempt: Set<Substring> = ["/healthz", "/readyz", "/metrics"]

    func handle(
        _ request: Request, context: ServingContext, next: (Request, ServingContext) async throws -> Response
    ) async throws -> Response {
        if Self.exempt.contains(request.uri.path[...]) { return try await next(request, context) }
        let pass: RequestGate.Pass
        switch gate.enter() {
        case .success(let given): pass = given
        case .failure(let refused):
            metrics.refused(refused.reason.rawValue)
            throw refused.failure
        }
        var context = context
        context.connection = context.channel.flatMap { ledger[$0] }
        context.isSecure = isSecure
        var request = request
        if let connection = context.connection, request.headers[.expect]?.lowercased() == "100-continue" {
            request.body = RequestBody(asyncSequence: AwaitedBody(base: request.body, connection: connection))
        }
        var response = try await next(request, context)
        guard request.method != .head, response.body.contentLength.map({ $0 > RequestLogMiddleware.shortBody }) ?? true
        else { return withExtendedLifetime(pass) { response } }
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            try await body.write(PassingWriter(base: writer, pass: pass))
        }
        return response
    }
}

/// A body for which the client waits to be asked: it is, when somebody begins to read.
private struct AwaitedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let base: RequestBody
    let connection: Connection

    func makeAsyncIterator() -> RequestBody.AsyncIterator {
        connection.askForBody()
        return base.makeAsyncIterator()
    }
}

/// Holds a pass for as long as a body is written.
private struct PassingWriter: ResponseBodyWriter {
    var base: any ResponseBodyWriter
    let pass: RequestGate.Pass

    mutating func write(_ buffer: ByteBuffer) async throws { try await base.write(buffer) }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await base.finish(trailingHeaders) }
}
