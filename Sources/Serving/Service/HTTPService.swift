public import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

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
    /// Which requests are in progress.
    public let gate: RequestGate
    public let metrics: ServiceMetrics
    private let responder: RouterResponder<ServingContext>
    private let ledger: ConnectionLedger

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
        gate = RequestGate(limit: options.limits.requests)
        ledger = ConnectionLedger(limit: options.limits.connections)
        metrics = ServiceMetrics(PrometheusRegistry(), gate: gate, ledger: ledger)
        let router = Router(context: ServingContext.self)
        router.add(middleware: RequestLogMiddleware(logger: logger, metrics: metrics))
        router.add(middleware: FailureMiddleware(logger: logger, translate: translate))
        router.add(middleware: RequestGateMiddleware(gate: gate, ledger: ledger, metrics: metrics, isSecure: options.tls != nil))
        router.add(middleware: PathRules(proxies: options.trustedProxies))
        routes(ServiceRoutes(router, gate: gate, metrics: metrics))
        responder = router.buildResponder()
    }

    /// The application that `run` serves, for tests in memory.
    /// - Parameter onReady: called with the port once connections are accepted.
    public func application(
        onReady: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> some ApplicationProtocol {
        // The framework's own lines about start and stop say nothing that ours do not.
        var quiet = logger
        quiet.logLevel = .error
        let (ledger, limits, metrics, logger) = (ledger, options.limits, metrics, logger)
        let http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                ConnectionGuard(ledger, limits) { reason, detail, peer in
                    metrics.refused(reason.rawValue)
                    guard reason == .malformed else { return }
                    logger.notice(
                        "request refused",
                        metadata: [
                            "reason": .string(reason.rawValue), "detail": .string(detail),
                            "peer": .string(peer?.ipAddress ?? ""),
                        ])
                }
            ],
            idleTimeout: TimeAmount(options.idleTimeout))
        return Application(
            responder: responder, server: options.tls?.server(http) ?? .http1(configuration: http),
            configuration: .init(address: .hostname(options.host, port: options.port), backlog: 1024),
            onServerRunning: { channel in onReady(channel.localAddress?.port ?? options.port) },
            logger: quiet)
    }

    /// Serves until SIGTERM or SIGINT arrives or the task is cancelled.
    ///
    /// On a signal, new requests are answered with status 503, and those in progress may finish, for at most the grace
    /// period of the options; then connections are closed. A second signal ends that wait.
    ///
    /// - Throws: ``ServingError`` when the address cannot be bound or the certificate cannot be used.
    public func run(onReady: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        OpenFileLimit.raise()
        var quiet = logger
        quiet.logLevel = .critical
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: application(onReady: onReady), serviceName: "http")], logger: quiet)
        // What is left to do then is to hand over what is complete already.
        configuration.maximumGracefulShutdownDuration = .seconds(1)
        let group = ServiceGroup(configuration: configuration)
        do {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    guard await Self.waitForSignal() else { return }
                    await drain()
                    await group.triggerGracefulShutdown()
                }
                defer { tasks.cancelAll() }
                try await group.run()
            }
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

    /// Whether SIGTERM or SIGINT has come; `false` when the task is cancelled.
    private static func waitForSignal() async -> Bool {
        var signals = await UnixSignalsSequence(trapping: .sigterm, .sigint).makeAsyncIterator()
        return await signals.next() != nil
    }

    /// Refuses new requests and waits for those in progress, at most for the grace period or until a signal.
    private func drain() async {
        gate.drain()
        logger.info("stopping", metadata: ["requests_in_progress": .stringConvertible(gate.count)])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [gate, ledger, options] in
                try? await Task.sleep(for: options.shutdownDelay)
                await gate.waitUntilEmpty()
                // What was made has to get through to the clients too.
                while ledger.unansweredCount > 0, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(10)) }
            }
            group.addTask { [options] in try? await Task.sleep(for: options.shutdownDelay + options.shutdownGrace) }
            group.addTask { _ = await Self.waitForSignal() }
            await group.next()
            group.cancelAll()
        }
        let left = max(gate.count, ledger.unansweredCount)
        if left > 0 {
            logger.warning("responses were cut short", metadata: ["count": .stringConvertible(left)])
        }
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
