public import Logging

/// How an HTTP service listens, what it accepts and how it logs.
public struct ServingOptions: Sendable {
    /// The address to listen on: a host name or an IP address.
    public var host: String
    /// The TCP port to listen on; 0 lets the system choose a free one.
    public var port: Int
    /// Requests with a longer body are refused with status 413.
    public var maximumBodyBytes: Int
    public var limits: ServingLimits
    /// How long a graceful stop waits for responses that have begun.
    public var shutdownGrace: Duration
    /// How long a graceful stop goes on accepting connections, whose requests it refuses, at least.
    public var shutdownDelay: Duration
    /// The certificate and key for HTTPS; plain HTTP without.
    public var tls: TLSFiles?
    /// Connections on which nothing has been asked for this long are closed.
    public var idleTimeout: Duration
    /// Peers whose `X-Forwarded-Proto` is believed.
    public var trustedProxies: TrustedProxies
    public var logFormat: LogFormat
    public var logLevel: Logger.Level

    public init(
        host: String = "127.0.0.1", port: Int = 8080, maximumBodyBytes: Int = 64 << 20,
        limits: ServingLimits = ServingLimits(), shutdownGrace: Duration = .seconds(8),
        shutdownDelay: Duration = .zero, tls: TLSFiles? = nil, idleTimeout: Duration = .seconds(90),
        trustedProxies: TrustedProxies = .loopback, logFormat: LogFormat = .line, logLevel: Logger.Level = .info
    ) {
        self.host = host
        self.port = port
        self.maximumBodyBytes = maximumBodyBytes
        self.limits = limits
        self.shutdownGrace = shutdownGrace
        self.shutdownDelay = shutdownDelay
        self.tls = tls
        self.idleTimeout = idleTimeout
        self.trustedProxies = trustedProxies
        self.logFormat = logFormat
        self.logLevel = logLevel
    }
}
