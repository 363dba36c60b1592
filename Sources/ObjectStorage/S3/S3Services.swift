/// The S3 services that a process's surroundings describe, by profile.
///
/// The conventions are those of `lsst.resources` and of boto3, so that one environment serves Python and Swift:
///
/// - `LSST_RESOURCES_S3_PROFILE_<profile>`, else `S3_ENDPOINT_URL`, is the address of the service, with or without
///   keys: `https://KEY:SECRET@host:port`. Without either, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` and the
///   configuration file are asked, and then it is AWS.
/// - Keys that are not in the address are `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, but not
///   for a named profile; else those in the credentials file (`AWS_SHARED_CREDENTIALS_FILE`) or the configuration
///   file (`AWS_CONFIG_FILE`) under the profile, `AWS_PROFILE` or `default`.
/// - The region is `AWS_DEFAULT_REGION`, else that of the profile, else `us-east-1`.
///
/// Keys that expire are used by ``client(_:transport:)`` and ``S3Presigner``. Keys from processes and single sign-on are
/// not looked for.
public struct S3Services: Sendable {
    private var variables: [String: String]
    private let profiles: AWSProfiles

    /// - Parameters:
    ///   - environment: the variables above.
    ///   - credentialsFile: the text of the credentials file; empty when there is none.
    ///   - configurationFile: the text of the configuration file.
    public init(environment: [String: String], credentialsFile: String = "", configurationFile: String = "") {
        variables = environment
        profiles = AWSProfiles(credentials: credentialsFile, configuration: configurationFile)
    }

    /// Reads the files that the environment names, or those in `~/.aws`. Blocks; for the start of a program.
    ///
    /// - Throws: ``ObjectStorageError`` for a file that exists and cannot be read.
    public init(environment: [String: String]) throws(ObjectStorageError) {
        func text(_ variable: String, _ name: String) throws(ObjectStorageError) -> String {
            let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 }
            var path = environment[variable].flatMap { $0.isEmpty ? nil : $0 } ?? "~/.aws/\(name)"
            if path.hasPrefix("~/") {
                guard let home else { return "" }
                path = home + path.dropFirst()
            }
            return try SmallFile.text(path) ?? ""
        }
        self.init(
            environment: environment, credentialsFile: try text("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            configurationFile: try text("AWS_CONFIG_FILE", "config"))
    }

    /// None: nothing is described, and nobody is asked for keys.
    public static let none = S3Services(environment: ["AWS_EC2_METADATA_DISABLED": "true"], credentialsFile: "")

    /// How services are reached, as the same environment says.
    var http: HTTPSettings { HTTPSettings(environment: variables) }

    private subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// The services for locations of a scheme: without a profile `gs` is Google's storage, through the interface that is
    /// S3's, with the keys that it gives out for that. `STORAGE_EMULATOR_HOST` is another address of it.
    func of(scheme: String) -> S3Services {
        guard scheme == "gs" else { return self }
        var services = self
        services.variables["S3_ENDPOINT_URL"] = self["STORAGE_EMULATOR_HOST"] ?? "https://storage.googleapis.com"
        return services
    }

    /// The service that a profile stands for; without one, the usual service.
    public func service(_ profile: String?) throws(S3Error) -> S3Service {
        let place = try place(profile)
        let own =
            profile == nil
            ? S3Credentials(
                id: self["AWS_ACCESS_KEY_ID"], secret: self["AWS_SECRET_ACCESS_KEY"],
                token: self["AWS_SESSION_TOKEN"] ?? self["AWS_SECURITY_TOKEN"]) : nil
        guard let credentials = place.credentials ?? own ?? profiles.credentials(place.section) else {
            throw .noCredentials(profile: profile)
        }
        return S3Service(endpoint: place.endpoint, region: place.region, credentials: credentials)
    }

    /// A client of the service that a profile stands for. Where the environment has no keys, those are used that web
    /// identity, the container or the virtual machine hand out.
    public func client(_ profile: String? = nil, transport: HTTPTransport) throws(S3Error) -> S3Client {
        let asked = S3KeyServices(environment: variables, transport: transport)
        let isIdentityFirst = profile == nil && self["AWS_ACCESS_KEY_ID"] == nil && self["AWS_ROLE_ARN"] != nil
        do {
            let service = try service(profile)
            guard isIdentityFirst, try place(nil).credentials == nil, self["AWS_WEB_IDENTITY_TOKEN_FILE"] != nil,
                let keys = asked.source(region: service.region)
            else { return S3Client(service, transport: transport) }
            return S3Client(service, keys: .renewed(keys), transport: transport)
        } catch .noCredentials(nil) {
            let place = try place(nil)
            guard let keys = asked.source(region: place.region) else { throw .noCredentials(profile: nil) }
            let none = S3Credentials(accessKeyID: "", secretAccessKey: "")
            return S3Client(
                S3Service(endpoint: place.endpoint, region: place.region, credentials: none), keys: .renewed(keys),
                transport: transport)
        }
    }

    /// Where a service is, the keys in its address, and the section of the files that is asked for others.
    private func place(
        _ profile: String?
    ) throws(S3Error) -> (endpoint: String?, region: String, credentials: S3Credentials?, section: String) {
        let usual = self["AWS_PROFILE"] ?? self["AWS_DEFAULT_PROFILE"] ?? "default"
        let named = try endpoint(profile)
        if let credentials = named?.credentials { return (named?.url, region(usual), credentials, usual) }
        if let profile, !profiles.contains(profile) { throw .unknownProfile(profile) }
        let section = profile ?? usual
        let endpoint =
            named?.url ?? self["AWS_ENDPOINT_URL_S3"] ?? self["AWS_ENDPOINT_URL"] ?? profiles[section, "endpoint_url"]
        return (endpoint.map(Self.withoutFinalSlash), region(section), nil, section)
    }

    private func region(_ section: String) -> String {
        self["AWS_DEFAULT_REGION"] ?? profiles[section, "region"] ?? "us-east-1"
    }

    private func endpoint(_ profile: String?) throws(S3Error) -> (url: String, credentials: S3Credentials?)? {
        if let profile, let value = self["LSST_RESOURCES_S3_PROFILE_\(profile)"] {
            return try Self.parse(value, variable: "LSST_RESOURCES_S3_PROFILE_\(profile)")
        }
        return try self["S3_ENDPOINT_URL"].map { value throws(S3Error) in
            try Self.parse(value, variable: "S3_ENDPOINT_URL")
        }
    }

    private static func parse(
        _ value: String, variable: String
    ) throws(S3Error) -> (url: String, credentials: S3Credentials?) {
        guard let separator = value.firstRange(of: "://"),
            ["http", "https"].contains(value[..<separator.lowerBound].lowercased())
        else { throw .badEndpoint(variable: variable) }
        let rest = value[separator.upperBound...].prefix { $0 != "?" && $0 != "#" }
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        let scheme = value[..<separator.lowerBound].lowercased()
        let at = rest[..<end].lastIndex(of: "@")
        let host = rest[(at.map(rest.index(after:)) ?? rest.startIndex)..<end]
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .badEndpoint(variable: variable)
        }
        let url = withoutFinalSlash("\(scheme)://\(host.lowercased())\(rest[end...])")
        guard let at else { return (url, nil) }
        let keys = rest[..<at].split(separator: ":", omittingEmptySubsequences: false)
        guard keys.count == 2,
            let credentials = S3Credentials(
                id: PercentQuoting.unquote(String(keys[0])), secret: PercentQuoting.unquote(String(keys[1])),
                token: nil)
        else { throw .badEndpoint(variable: variable) }
        return (url, credentials)
    }

    private static func withoutFinalSlash(_ url: String) -> String {
        String(url[..<(url.lastIndex { $0 != "/" }.map(url.index(after:)) ?? url.startIndex)])
    }
}
