public import ButlerModel
import ByteText
public import ObjectStorage
public import Serving
import StructuredData

/// What `steward serve` is to do: from the command line first, then from the environment, then from a file.
///
/// The variables are those of the Python server, and some more: see `docs/butler-server.md`.
public struct ServeOptions: Sendable {
    public struct Repository: Sendable, Equatable {
        public var label: String
        /// A repository's directory or its `butler.yaml`, as path or URI.
        public var configuration: String
        /// Groups whose members may use it; `*` stands for everyone.
        public var authorizedGroups: Set<ExactName>

        public init(label: String, configuration: String, authorizedGroups: Set<ExactName> = ["*"]) {
            self.label = label
            self.configuration = configuration
            self.authorizedGroups = authorizedGroups
        }
    }

    /// How URLs are signed.
    public struct SignedURLs: Sendable, Equatable {
        /// Seconds, at most seven days.
        public var lifetime: Int64 = 3600
        /// A file with the secret for URLs of this server; `nil` for a random secret.
        public var secretFile: String?
        /// `nil` for what boto3 chooses for the region.
        public var storageSignature: S3Presigner.SignatureVersion?
    }

    public var repositories: [Repository]
    public var serving: ServingOptions
    public var authentication: ClientAuthentication
    /// The base URL of the service that knows the groups of users; `nil` when identities are not checked.
    public var gafaelfawrURL: String?
    /// Whether it is stated that identities are not checked, rather than left open.
    public var isOpenOnPurpose = false
    /// A folder to serve at `/api/butler/configs`.
    public var staticFilesPath: String?
    public var signedURLs = SignedURLs()
    /// Caches that stand in for distant stores.
    public var nearCopies: [NearCopies.Rule] = []
    /// A file with the secret that they check signatures with.
    public var nearCopiesSecretFile: String?
    public var queries = QueryLimits()
    /// How access tokens are checked; `nil` when users bring none.
    public var tokens: Tokens?

    /// - Parameters:
    ///   - repositories: `LABEL=URI`, or a plain path or URI, whose last directory becomes the label. Empty: those of
    ///     `DAF_BUTLER_SERVER_REPOSITORIES` or of the file.
    ///   - host: the address to listen on; 127.0.0.1 unless it is given here or in the file.
    ///   - environment: `DAF_BUTLER_SERVER_*`, `FORWARDED_ALLOW_IPS` and `STEWARD_*` are read.
    public init(
        repositories: [String], host: String? = nil, port: Int? = nil, logFormat: LogFormat? = nil,
        environment: [String: String], file: ServeFile? = nil
    ) throws(ServeError) {
        let settings = try ServeSettings(environment: environment, file: file)
        if repositories.isEmpty {
            self.repositories = try Self.repositories(settings["repositories", "DAF_BUTLER_SERVER_REPOSITORIES"])
        } else {
            var parsed: [Repository] = []
            for argument in repositories { parsed.append(try Self.repository(argument)) }
            self.repositories = parsed
        }
        guard !self.repositories.isEmpty else { throw .noRepositories }
        var labels: Set<String> = []
        for repository in self.repositories {
            guard Self.isLegal(label: repository.label) else { throw .badLabel(repository.label) }
            guard labels.insert(repository.label).inserted else { throw .repeatedLabel(repository.label) }
        }
        serving = ServingOptions()
        if let setting = settings["host", nil] { serving.host = try setting.text() }
        if let host { serving.host = host }
        if let setting = settings["port", nil] { serving.port = Int(try setting.number(in: 0...65535)) }
        if let port { serving.port = port }
        if let setting = settings["log_format", nil] { serving.logFormat = try setting.choice(of: LogFormat.self) }
        if let logFormat { serving.logFormat = logFormat }
        if let setting = settings["trusted_proxies", "FORWARDED_ALLOW_IPS"] {
            serving.trustedProxies = TrustedProxies(list: try setting.text())
        }
        authentication = .rubinSciencePlatform
        if let setting = settings["authentication", "DAF_BUTLER_SERVER_AUTHENTICATION"] {
            authentication = try setting.choice(of: ClientAuthentication.self)
        }
        gafaelfawrURL = try Self.gafaelfawr(settings["gafaelfawr_url", "DAF_BUTLER_SERVER_GAFAELFAWR_URL"])
        isOpenOnPurpose =
            try settings["gafaelfawr_url", "DAF_BUTLER_SERVER_GAFAELFAWR_URL"]?.text() == Self.disabled
        staticFilesPath = try settings["static_files_path", "DAF_BUTLER_SERVER_STATIC_FILES_PATH"]?.text()
        if let setting = settings["signed_urls.lifetime", "STEWARD_SIGNED_URL_LIFETIME"] {
            signedURLs.lifetime = try setting.number(in: 1...604_800)
        }
        signedURLs.secretFile = try settings["signed_urls.secret_file", "STEWARD_SIGNED_URL_SECRET_FILE"]?.text()
        if let setting = settings["signed_urls.s3_signature", "STEWARD_S3_SIGNATURE"] {
            signedURLs.storageSignature = try setting.choice(of: S3Presigner.SignatureVersion.self)
        }
        nearCopies = try Self.nearCopies(settings["near_copies", "STEWARD_NEAR_COPIES"])
        nearCopiesSecretFile =
            try settings["near_copies_secret_file", "STEWARD_NEAR_COPIES_SECRET_FILE"]?.text()
        tokens = try Self.tokens(settings)
        if tokens != nil, gafaelfawrURL != nil,
            let setting = settings["gafaelfawr_url", "DAF_BUTLER_SERVER_GAFAELFAWR_URL"]
        {
            throw setting.failure("and the settings for tokens exclude each other: users come through one or the other")
        }
        try readOperations(settings)
    }

    private static let disabled = "DISABLED"

    private static func gafaelfawr(_ setting: ServeSettings.Setting?) throws(ServeError) -> String? {
        guard let setting, case let url = try setting.text(), url != disabled else { return nil }
        guard url.hasPrefix("https://") || url.hasPrefix("http://"), !url.hasSuffix("://"),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        else { throw setting.failure("is '\(url)'; it must be an http(s) URL or DISABLED") }
        return url
    }

    /// A mapping of distant folders to the addresses of caches in front of them.
    private static func nearCopies(_ setting: ServeSettings.Setting?) throws(ServeError) -> [NearCopies.Rule] {
        guard let setting else { return [] }
        guard let pairs = try setting.document().objectValue?.pairs else {
            throw setting.failure("must map distant folders, such as s3://bucket/folder/, to the URLs of caches")
        }
        var rules: [NearCopies.Rule] = []
        for (origin, address) in pairs {
            guard let address = address.stringValue, address.hasPrefix("http://") || address.hasPrefix("https://"),
                !address.contains("?"), !address.contains("#")
            else { throw setting.failure("gives '\(origin)' no http(s) URL of a cache") }
            do throws(ObjectStorageError) {
                let folder = try ResourceURI(origin)
                guard folder.isAbsolute, folder.localPath == nil else {
                    throw ObjectStorageError.invalidURI(text: origin, reason: "it is not on another machine")
                }
                rules.append(.init(origin: folder, address: address))
            } catch { throw setting.failure("has a folder that is none: \(error)") }
        }
        return rules
    }

    // MARK: Repositories

    private static func isLegal(label: String) -> Bool {
        !label.isEmpty && label != "." && label != ".."
            && label.unicodeScalars.allSatisfy { $0 != "/" && $0.value >= 0x20 && $0.value != 0x7F }
    }

    private static func repository(_ argument: String) throws(ServeError) -> Repository {
        // A path may hold an equals sign too; a label has no slash or colon.
        if let equals = argument.firstIndex(of: "="),
            !argument[..<equals].contains(where: { $0 == "/" || $0 == ":" })
        {
            let uri = argument[argument.index(after: equals)...]
            guard equals != argument.startIndex, !uri.isEmpty else { throw .badRepository(argument: argument) }
            return Repository(label: String(argument[..<equals]), configuration: String(uri))
        }
        var parts = argument.prefix { $0 != "?" && $0 != "#" }.split(separator: "/")
        if let last = parts.last, last.hasSuffix(".yaml") || last.hasSuffix(".json") { parts.removeLast() }
        guard let label = parts.last, label != ".", label != "..", !label.hasSuffix(":") else {
            throw .badRepository(argument: argument)
        }
        return Repository(label: String(label), configuration: argument)
    }

    private static func repositories(_ setting: ServeSettings.Setting?) throws(ServeError) -> [Repository] {
        guard let setting else { return [] }
        let document = try setting.document()
        guard let labels = document.objectValue else {
            throw setting.failure("must map labels to repositories, not be \(document.kindName)")
        }
        var repositories: [Repository] = []
        for (label, entry) in labels.pairs {
            for (key, _) in entry.objectValue?.pairs ?? [] where key != "config_uri" && key != "authorized_groups" {
                throw setting.failure(
                    "gives '\(label)' the unknown member '\(key)'; there are 'config_uri' and 'authorized_groups'")
            }
            guard let uri = entry["config_uri"]?.stringValue, !uri.isEmpty else {
                throw setting.failure("lacks the text 'config_uri' for '\(label)'")
            }
            guard let groups = entry["authorized_groups"]?.arrayValue,
                case let names = groups.compactMap(\.stringValue), names.count == groups.count
            else {
                throw setting.failure("lacks the list of texts 'authorized_groups' for '\(label)'")
            }
            repositories.append(Repository(label: label, configuration: uri, authorizedGroups: Set(names.map { ExactName($0) })))
        }
        return repositories
    }
}
