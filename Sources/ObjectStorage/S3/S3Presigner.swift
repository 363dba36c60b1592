import Synchronization

/// Makes URLs with which anybody can read or write one object for a while. Nothing is sent to the storage, and whether
/// the object exists is not known.
public struct S3Presigner: Sendable {
    public enum SignatureVersion: String, Sendable, CaseIterable {
        /// As boto3 makes them for the older regions. Needed by present Python clients; see ``SignatureV2``.
        case v2
        /// As boto3 makes them for regions that refuse version 2. Clients that check for existence first fail with these.
        case v4

        /// The regions of AWS that accept version 2; `us-east-1` is what an unset region means. All others, also those
        /// of other services, are taken for newer. Source: the table of endpoints of botocore.
        private static let regionsOfVersion2: Set<String> = [
            "aws-global", "us-east-1", "us-west-1", "us-west-2", "eu-west-1", "sa-east-1", "ap-northeast-1",
            "ap-southeast-1", "ap-southeast-2", "us-gov-east-1", "us-gov-west-1",
        ]

        /// What boto3 chooses when nothing else is configured.
        static func usual(in region: String) -> SignatureVersion { regionsOfVersion2.contains(region) ? .v2 : .v4 }
    }

    private let services: S3Services
    private let version: SignatureVersion?
    private let clients = Clients()

    /// - Parameter version: `nil` for that which boto3 chooses for the region.
    public init(_ services: S3Services, version: SignatureVersion? = nil) {
        self.services = services
        self.version = version
    }

    /// The URL for an object of any service that the environment describes, `gs` included. Where the environment has no
    /// keys, those are used that web identity, the container or the virtual machine hand out, and their service is
    /// asked from time to time; such a URL is not valid for longer than they are.
    ///
    /// - Parameters:
    ///   - lifetime: as in ``url(_:_:for:at:)``.
    ///   - time: as there.
    /// - Throws: `S3Error`; `ObjectStorageError` of the service that hands out keys.
    public func url(
        _ access: SignedAccess = .get, of uri: ResourceURI, for lifetime: Int64, at time: Int64
    ) async throws -> String {
        let location = try S3Location(uri)
        let client = try clients.client(services, uri.scheme, location.profile)
        let service = S3Service(
            endpoint: client.service.endpoint, region: client.service.region,
            credentials: try await client.keys.current())
        return try Self.url(access, location, of: service, version: version, for: lifetime, at: time)
    }

    /// One client a service, which remembers its keys.
    private final class Clients: Sendable {
        private struct State {
            var transport: HTTPTransport?
            var clients: [String: S3Client] = [:]
        }

        private let state = Mutex(State())

        func client(_ services: S3Services, _ scheme: String, _ profile: String?) throws -> S3Client {
            try state.withLock { state in
                let name = "\(scheme) \(profile ?? "")"
                if let known = state.clients[name] { return known }
                var settings = services.http
                // Services that hand out keys are near, or not there at all.
                settings.connectTimeout = .seconds(2)
                let transport = try state.transport ?? HTTPTransport(settings)
                state.transport = transport
                let client = try services.of(scheme: profile == nil ? scheme : "s3").client(profile, transport: transport)
                state.clients[name] = client
                return client
            }
        }
    }

    /// - Parameters:
    ///   - lifetime: for how long the URL is valid, in seconds.
    ///   - time: seconds since 1970, UTC. URLs of version 4 are dated one minute before this, and are valid for two
    ///     minutes more, so that a clock of the storage that differs by a minute does not matter.
    public func url(
        _ access: SignedAccess = .get, _ location: S3Location, for lifetime: Int64, at time: Int64
    ) throws(S3Error) -> String {
        let service = try services.service(location.profile)
        return try Self.url(access, location, of: service, version: version, for: lifetime, at: time)
    }

    /// The URL for an object of a service that is known.
    static func url(
        _ access: SignedAccess, _ location: S3Location, of service: S3Service, version: SignatureVersion?,
        for lifetime: Int64, at time: Int64
    ) throws(S3Error) -> String {
        guard (1...604_800).contains(lifetime) else { throw .badLifetime(seconds: lifetime) }
        let address = service.address(of: location)
        let query =
            switch version ?? .usual(in: service.region) {
            case .v2: SignatureV2.query(access, address, service.credentials, expires: time + lifetime)
            case .v4:
                SignatureV4(credentials: service.credentials, region: service.region)
                    .query(
                        access, address, date: UTCTime.basic(seconds: time - 60), lifetime: min(lifetime + 120, 604_800)
                    )
            }
        return "\(address.scheme)\(address.host)\(address.path)?\(query)"
    }
}
