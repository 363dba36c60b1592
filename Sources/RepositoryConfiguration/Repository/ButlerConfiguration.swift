import StructuredData

/// What a user's argument leads to: a repository to open directly, or a Butler server.
public enum ButlerConfiguration: Sendable {
    case direct(DirectButlerConfiguration)
    case remote(RemoteButlerConfiguration)

    /// Finds and reads the configuration that an argument names.
    ///
    /// The argument is a label of the repository index, a directory that holds `butler.yaml`, or the configuration
    /// file itself, as a path (with `~` and environment variables) or a URL. A URL without file extension counts as a
    /// directory. Without a `remote` reader for `http(s)`, such a URL is taken for a Butler server, unread.
    ///
    /// - Parameters:
    ///   - searchPaths: directories with defaults above those of `DAF_BUTLER_CONFIG_PATH`, highest priority first.
    ///   - remote: reads configurations that are not local files.
    /// - Throws: ``ConfigurationError``. A broken repository index matters only if the argument is no valid path.
    public static func load(
        _ argument: String, environment: ConfigurationEnvironment, searchPaths: [String] = [],
        remote: (any RemoteConfigurationReader)? = nil
    ) async throws -> ButlerConfiguration {
        let reader = ConfigurationReader(remote: remote)
        let loader = ConfigurationLoader(reader: reader, environment: environment)
        let index: Result<RepositoryIndex?, any Error>
        do {
            index = .success(try await RepositoryIndex.load(environment: environment, remote: remote))
        } catch {
            index = .failure(error)
        }
        let address = (try? index.get())?[argument]

        var location = ConfigurationLocation(address ?? argument, environment: environment)
        if case .remote(let scheme, _) = location, scheme == "http" || scheme == "https", !reader.canRead(location) {
            let server = location.fileExtension.isEmpty ? location : location.directory
            return .remote(RemoteButlerConfiguration(server: server.description, authentication: nil))
        }
        if reader.isDirectory(location) {
            location = ConfigurationLocation("butler.yaml", environment: environment, relativeTo: location.asDirectory)
        }
        guard let document = try await loader.load(location) else {
            if case .failure(let error as ConfigurationError) = index, case .conflictingEnvironment = error {
                throw error
            }
            throw ConfigurationError.notFound(
                location: location.description, hint: hint(argument: argument, address: address, index: index))
        }
        let defaults = try await ComponentDefaults(searchPaths: searchPaths, loader: loader)
        return try ButlerConfiguration(document: document, defaults: defaults, environment: environment)
    }

    /// The configuration that a document makes with the defaults.
    ///
    /// - Parameter searchPaths: directories with defaults above those of `DAF_BUTLER_CONFIG_PATH`.
    public static func make(
        from document: ConfigurationDocument, environment: ConfigurationEnvironment, searchPaths: [String] = [],
        remote: (any RemoteConfigurationReader)? = nil
    ) async throws -> ButlerConfiguration {
        let loader = ConfigurationLoader(reader: ConfigurationReader(remote: remote), environment: environment)
        let defaults = try await ComponentDefaults(searchPaths: searchPaths, loader: loader)
        return try ButlerConfiguration(document: document, defaults: defaults, environment: environment)
    }

    private init(
        document: ConfigurationDocument, defaults: ComponentDefaults, environment: ConfigurationEnvironment
    ) throws {
        let top = ConfigurationSection(values: document.values, path: "", location: document.name)
        for key in ["run", "collection"] where document.values[key] != nil {
            throw ConfigurationError.forbiddenKey(
                location: document.name, key: key,
                reason: "collections are chosen when the repository is opened; remove it")
        }
        let root =
            try top.string("root").map { ConfigurationLocation($0, environment: environment) }
            ?? document.location?.directory
        switch try top.string("cls") {
        case nil, DirectButlerConfiguration.className:
            self = .direct(
                DirectButlerConfiguration(document: document, root: root, defaults: defaults, environment: environment))
        case RemoteButlerConfiguration.className:
            self = .remote(try RemoteButlerConfiguration(top, root: root))
        case let other?:
            throw ConfigurationError.unknownClass(
                location: document.name, key: "cls", name: other,
                known: [DirectButlerConfiguration.className, RemoteButlerConfiguration.className])
        }
    }

    /// What to tell about an argument that led nowhere.
    private static func hint(
        argument: String, address: String?, index: Result<RepositoryIndex?, any Error>
    ) -> String {
        if address != nil { return "label \"\(argument)\" of the repository index leads there" }
        switch index {
        case .success(let index?):
            let labels = index.labels.isEmpty ? "none" : index.labels.sorted().joined(separator: ", ")
            return "given \"\(argument)\"; labels of the repository index: \(labels)"
        case .success(nil): return "given \"\(argument)\"; no repository index is set up"
        case .failure(let error): return "given \"\(argument)\"; the repository index failed: \(error)"
        }
    }
}

/// How to reach a repository through a Butler server.
public struct RemoteButlerConfiguration: Sendable, Equatable {
    static let className = "lsst.daf.butler.remote_butler.RemoteButler"

    /// How a client proves who its user is.
    public enum Authentication: String, Sendable {
        case rubinSciencePlatform = "rubin_science_platform"
        case cadc
    }

    /// The server's URL for the repository.
    public var server: String
    /// `nil` if the server's configuration was not read.
    public var authentication: Authentication?

    public init(server: String, authentication: Authentication?) {
        self.server = server
        self.authentication = authentication
    }

    init(_ top: ConfigurationSection, root: ConfigurationLocation?) throws {
        guard let section = try top.section("remote_butler") else {
            throw ConfigurationError.missingKey(location: top.location, key: "remote_butler")
        }
        server = try ButlerRoot.replace(in: try section.requiredString("url"), with: root, key: "remote_butler.url")
        let name = try section.string("authentication") ?? Authentication.rubinSciencePlatform.rawValue
        guard let authentication = Authentication(rawValue: name) else {
            throw ConfigurationError.invalidValue(
                location: top.location, key: "remote_butler.authentication", value: name,
                remedy: "use rubin_science_platform or cadc")
        }
        self.authentication = authentication
    }
}

/// The place-holder for the repository's root in configuration values.
public enum ButlerRoot {
    public static let tag = "<butlerRoot>"

    /// The text with `<butlerRoot>` replaced: by an absolute path without trailing slash for local roots, else a URL.
    static func replace(in text: String, with root: ConfigurationLocation?, key: String) throws -> String {
        guard text.contains(tag) else { return text }
        guard let root else { throw ConfigurationError.rootUndefined(key: key, value: text) }
        return text.replacing(tag, with: root.rootReplacement)
    }
}
