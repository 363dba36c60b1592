import ByteText
import NIOCore
import ObjectStorage

/// A place where files go.
final class Destination: Sendable {
    static let usual = "main"

    let name: String
    let isRequired: Bool
    let client: S3Client
    private let rule: TransferRules.DestinationRule?
    let endpoint: String

    /// The usual one.
    init(_ settings: DaemonSettings, loops: any EventLoopGroup, sockets: SocketWatch) throws {
        name = Self.usual
        isRequired = true
        rule = nil
        endpoint = settings.endpoint
        client = try S3Services(environment: Self.environment(settings, profile: nil))
            .client(
                transport: HTTPTransport(
                    Self.http(settings), loops: loops, keepsOwnConnections: true, onConnection: { sockets.add($0) }))
    }

    init(_ rule: TransferRules.DestinationRule, _ settings: DaemonSettings, loops: any EventLoopGroup) throws {
        name = rule.name
        isRequired = rule.isRequired
        self.rule = rule
        endpoint = rule.profile ?? settings.endpoint
        client = try S3Services(environment: Self.environment(settings, profile: rule.profile))
            .client(
                rule.profile, transport: HTTPTransport(Self.http(settings), loops: loops, keepsOwnConnections: true))
    }

    /// Both programs' variables, as those that `S3Services` knows. A destination without a profile is at the same
    /// service as the usual one.
    private static func environment(_ settings: DaemonSettings, profile: String?) -> [String: String] {
        var environment = settings.environment
        if profile == nil { environment["S3_ENDPOINT_URL"] = settings.endpoint }
        if environment["AWS_DEFAULT_REGION"] == nil { environment["AWS_DEFAULT_REGION"] = environment["AWS_REGION"] }
        return environment
    }

    private static func http(_ settings: DaemonSettings) -> HTTPSettings {
        var http = HTTPSettings(environment: settings.environment)
        http.connectTimeout = .seconds(settings.connectTimeout)
        http.requestTimeout = .seconds(settings.uploadTimeout)
        http.idleTimeout = .seconds(min(60, max(1, settings.uploadTimeout)))
        // Files in parts take up to four places each.
        http.connections = settings.parallel + 8
        // A connection over a long way takes long to become fast: it is kept for the next night's first image.
        http.keepAlive = .seconds(86_400)
        // The daemon tries whole files again itself.
        http.retries = RetryPolicy(attempts: 1)
        return http
    }

    func takes(_ key: String) -> Bool { rule?.pattern.matches(key) ?? true }

    func place(_ request: TransferRequest) -> TransferPlace {
        TransferPlace(destination: name, location: location(request))
    }

    func location(_ request: TransferRequest) -> S3Location {
        S3Location(bucket: rule?.bucket ?? request.bucket, key: (rule?.prefix ?? "") + request.key)
    }
}
