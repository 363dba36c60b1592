public import Hummingbird
public import Logging
import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An HTTP/1.1 service: routes, the socket they are served on and an orderly stop.
///
/// ```swift
/// let service = HTTPService(name: "butler", options: ServingOptions(port: 8080), translate: { _ in nil }) { routes in
///     routes.add("/", [.get: { _, _ in .json(["name": "butler"]) }])
/// }
/// try await service.run()
/// ```
public struct HTTPService: Sendable {
    public let options: ServingOptions
    public let logger: Logger
    private let responder: RouterResponder<ServingContext>

    /// - Parameters:
    ///   - name: the label of log lines.
    ///   - translate: the response for an error of the service's own; `nil` for errors it does not know, which are
    ///     logged and answered with status 500 and no detail.
    ///   - logger: where to log; by default to standard error, as the options say.
    ///   - routes: adds the routes. Every request to them is logged and every failure turned into a response.
    public init(
        name: String, options: ServingOptions, logger: Logger? = nil,
        translate: @escaping @Sendable (any Error) -> Response?, routes: (ServiceRoutes) -> Void
    ) {
        self.options = options
        let logger = logger ?? options.logFormat.logger(label: name, level: options.logLevel)
        self.logger = logger
        let router = Router(context: ServingContext.self)
        router.add(middleware: RequestLogMiddleware(logger: logger))
        router.add(middleware: FailureMiddleware(logger: logger, translate: translate))
        router.add(middleware: PathRules(proxies: options.trustedProxies))
        routes(ServiceRoutes(router))
        responder = router.buildResponder()
    }

    /// The application that `run` serves, for tests in memory.
    /// - Parameter onReady: called with the port once connections are accepted.
    public func application(onReady: @escaping @Sendable (Int) -> Void = { _ in }) -> some ApplicationProtocol {
        // The framework's own lines about start and stop say nothing that ours do not.
        var quiet = logger
        quiet.logLevel = .error
        return Application(
            responder: responder,
            server: .http1(
                configuration: .init(idleTimeout: .nanoseconds(options.idleTimeout.wholeNanoseconds))),
            configuration: .init(address: .hostname(options.host, port: options.port)),
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? options.port) },
            logger: quiet)
    }

    /// Serves until SIGTERM or SIGINT arrives or the task is cancelled, then stops accepting and lets responses that
    /// have begun finish, for at most the grace period of the options.
    ///
    /// - Throws: ``ServingError`` when the address cannot be bound.
    public func run(onReady: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        var quiet = logger
        quiet.logLevel = .critical
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: application(onReady: onReady), serviceName: "http")],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        configuration.maximumGracefulShutdownDuration = options.shutdownGrace
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ServingError.portInUse(host: options.host, port: options.port)
        } catch let error as IOError where error.errnoCode == EACCES {
            throw ServingError.portForbidden(host: options.host, port: options.port)
        } catch let error as IOError where error.errnoCode == EADDRNOTAVAIL {
            throw ServingError.addressUnavailable(host: options.host, reason: "no interface has this address")
        } catch is SocketAddressError.UnknownHost {
            throw ServingError.addressUnavailable(host: options.host, reason: "the name does not resolve")
        }
        logger.info("stopped")
    }
}

extension Duration {
    /// Saturates at about 292 years.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
    }
}
