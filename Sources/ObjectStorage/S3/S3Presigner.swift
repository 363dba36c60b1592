#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Makes URLs with which anybody can read one object for a while. Nothing is sent anywhere, and whether the object
/// exists is not known.
public struct S3Presigner: Sendable {
    public enum SignatureVersion: String, Sendable, CaseIterable {
        /// As boto3 makes them by default. Needed by present Python clients; see ``SignatureV2``.
        case v2
        /// For services that refuse version 2. Clients that check for existence first fail with these.
        case v4
    }

    private let services: S3Services
    private let version: SignatureVersion

    public init(_ services: S3Services, version: SignatureVersion = .v2) {
        self.services = services
        self.version = version
    }

    /// - Parameters:
    ///   - lifetime: for how long the URL is valid, in seconds.
    ///   - time: seconds since 1970, UTC. URLs of version 4 are dated one minute before this, and are valid for two
    ///     minutes more, so that a clock of the storage that differs by a minute does not matter.
    public func url(reading location: S3Location, for lifetime: Int64, at time: Int64) throws(S3Error) -> String {
        guard (1...604_800).contains(lifetime) else { throw .badLifetime(seconds: lifetime) }
        let service = try services.service(location.profile)
        let address = service.address(of: location)
        let query =
            switch version {
            case .v2: SignatureV2.query(reading: address, service.credentials, expires: time + lifetime)
            case .v4:
                SignatureV4(credentials: service.credentials, region: service.region)
                    .query(
                        reading: address, date: Self.date(time - 60), lifetime: min(lifetime + 120, 604_800))
            }
        return "\(address.scheme)\(address.host)\(address.path)?\(query)"
    }

    /// `20130524T000000Z`.
    static func date(_ time: Int64) -> String {
        var seconds = time_t(time)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int32, _ count: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return "\(digits(parts.tm_year + 1900, 4))\(digits(parts.tm_mon + 1))\(digits(parts.tm_mday))T"
            + "\(digits(parts.tm_hour))\(digits(parts.tm_min))\(digits(parts.tm_sec))Z"
    }
}
