public import HTTPTypes
public import Hummingbird

/// A route handler: decode, call, encode.
public typealias RouteHandler = @Sendable (Request, ServingContext) async throws -> Response

/// The routes of a service, by path and method. A known path asked with another method is answered with status 405.
public struct ServiceRoutes {
    private let router: Router<ServingContext>
    /// Which requests are in progress.
    public let gate: RequestGate
    public let metrics: ServiceMetrics

    init(_ router: Router<ServingContext>, gate: RequestGate, metrics: ServiceMetrics) {
        self.router = router
        self.gate = gate
        self.metrics = metrics
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .delete, .patch, .options]

    /// Adds a path, in which `{name}` stands for one segment, with its handlers by method.
    public func add(_ path: RouterPath, _ handlers: [HTTPRequest.Method: RouteHandler]) {
        let allowed = Self.methods.filter { handlers[$0] != nil }.map(\.rawValue).joined(separator: ", ")
        for method in Self.methods {
            let handler =
                handlers[method] ?? { _, _ in
                    throw HTTPFailure(.methodNotAllowed, "Method Not Allowed", headers: [.allow: allowed])
                }
            router.on(path, method: method, use: handler)
        }
    }
}

extension ServingContext {
    /// The decoded segment that a route's `{name}` stands for.
    ///
    /// - Throws: ``HTTPFailure`` 404 for a segment that is not valid UTF-8 in percent-encoding, or that holds a slash
    ///   or a control character once decoded: no name that we serve has one.
    public func segment(_ name: String) throws -> String {
        guard let raw = parameters[name[...]], let text = PercentEncoding.decode(raw),
            !text.unicodeScalars.contains(where: { $0 == "/" || $0.value < 0x20 || $0.value == 0x7F })
        else { throw HTTPFailure.notFound }
        return text
    }
}
