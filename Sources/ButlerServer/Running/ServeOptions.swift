public import Serving
import StructuredData

/// What `steward serve` is to do: from the command line first, from the environment otherwise.
///
/// The variables are those of the Python server: see the remote Butler protocol reference, section 11.
public struct ServeOptions: Sendable {
    public struct Repository: Sendable, Equatable {
        public var label: String
        /// A repository's directory or its `butler.yaml`, as path or URI.
        public var configuration: String
        /// Groups whose members may use it; `*` stands for everyone.
        public var authorizedGroups: Set<String>

        public init(label: String, configuration: String, authorizedGroups: Set<String> = ["*"]) {
            self.label = label
            self.configuration = configuration
            self.authorizedGroups = authorizedGroups
        }
    }

    public var repositories: [Repository]
    public var serving: ServingOptions
    public var authentication: ClientAuthentication
    public var access: AccessRules

    /// - Parameters:
    ///   - repositories: `LABEL=URI`, or a plain path or URI, whose last directory becomes the label. Empty: those of
    ///     `DAF_BUTLER_SERVER_REPOSITORIES`.
    ///   - host: the address to listen on.
    ///   - environment: `DAF_BUTLER_SERVER_*` and `FORWARDED_ALLOW_IPS` are read.
    public init(
        repositories: [String], host: String = "127.0.0.1", port: Int = 8080, logFormat: LogFormat = .line,
        environment: [String: String]
    ) throws(ServeError) {
        if repositories.isEmpty {
            self.repositories = try Self.repositories(environment)
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
        serving = ServingOptions(host: host, port: port, logFormat: logFormat)
        if let list = environment["FORWARDED_ALLOW_IPS"] { serving.trustedProxies = TrustedProxies(list: list) }
        switch environment["DAF_BUTLER_SERVER_AUTHENTICATION"] {
        case nil: authentication = .rubinSciencePlatform
        case let value?:
            guard let mode = ClientAuthentication(rawValue: value) else {
                throw .badVariable(
                    name: "DAF_BUTLER_SERVER_AUTHENTICATION",
                    reason: "is '\(value)'; it must be 'rubin_science_platform' or 'cadc'")
            }
            authentication = mode
        }
        switch environment["DAF_BUTLER_SERVER_GAFAELFAWR_URL"] {
        case nil, "DISABLED": access = .open
        case _?: access = .gafaelfawr
        }
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

    private static func repositories(_ environment: [String: String]) throws(ServeError) -> [Repository] {
        let name = "DAF_BUTLER_SERVER_REPOSITORIES"
        guard let text = environment[name] else { return [] }
        let document: StructuredValue
        do {
            document = try StructuredValue(json: text)
        } catch {
            throw .badVariable(name: name, reason: "is not JSON: \(error)")
        }
        guard let labels = document.objectValue else {
            throw .badVariable(name: name, reason: "must map labels to repositories, not be \(document.kindName)")
        }
        var repositories: [Repository] = []
        for (label, entry) in labels.pairs {
            guard let uri = entry["config_uri"]?.stringValue, !uri.isEmpty else {
                throw .badVariable(name: name, reason: "lacks the text 'config_uri' for '\(label)'")
            }
            guard let groups = entry["authorized_groups"]?.arrayValue,
                case let names = groups.compactMap(\.stringValue), names.count == groups.count
            else {
                throw .badVariable(name: name, reason: "lacks the list of texts 'authorized_groups' for '\(label)'")
            }
            repositories.append(Repository(label: label, configuration: uri, authorizedGroups: Set(names)))
        }
        return repositories
    }
}
