import Synchronization

/// Opens stores by their location, as the environment says; stores of one service share its connections.
public final class ObjectStores: Sendable {
    private struct State {
        var services: S3Services?
        var clients: [String: S3Client] = [:]
        var transport: HTTPTransport?
        var webDAV: WebDAVSettings?
        /// For servers with settings of their own.
        var transports: [HTTPSettings: HTTPTransport] = [:]
    }

    private let environment: [String: String]
    private let state = Mutex(State())

    /// - Parameter environment: the variables that ``S3Services``, ``HTTPSettings/init(environment:)`` and
    ///   ``HTTPAuthorization/init(environment:)`` understand, and `LSST_RESOURCES_WEBDAV_CONFIG`.
    public init(environment: [String: String]) { self.environment = environment }

    /// The store of all objects below a folder. May read small files; nothing is sent.
    ///
    /// - Throws: `ObjectStorageError` for unusable locations and settings, `S3Error` for services that are not
    ///   described.
    public func open(_ root: ResourceURI) throws -> any ObjectStore {
        switch root.scheme {
        case "file": return try POSIXObjectStore(root: root)
        case "s3", "gs": return try S3ObjectStore(root: root.normalized, client: try client(root))
        case "http", "https", "dav", "davs":
            let (authorization, transport) = try access(to: root)
            return try WebDAVObjectStore(root: root, authorization: authorization, transport: transport)
        default:
            throw ObjectStorageError.unsupported(
                path: root.description, operation: "open",
                remedy: "its scheme is none of file, s3, gs, http(s) and dav(s)")
        }
    }

    /// Where one file is, by its absolute location, of which everything counts: other than below a root, `a//b` is
    /// another object than `a/b`, and the query of an address belongs to it. May read small files; nothing is sent.
    ///
    /// - Throws: as ``open(_:)``; `ObjectStorageError.invalidPath` for folders.
    public func place(of file: ResourceURI) throws -> (store: any ObjectStore, path: ObjectPath) {
        switch file.scheme {
        case "s3", "gs": return try S3ObjectStore.place(of: file, client: try client(file))
        case "http", "https", "dav", "davs":
            let (authorization, transport) = try access(to: file)
            return try WebDAVObjectStore.place(of: file, authorization: authorization, transport: transport)
        default: return (try open(file.withoutFragment.directory), try ObjectPath(file.basename))
        }
    }

    private func access(to location: ResourceURI) throws -> (HTTPAuthorization, HTTPTransport) {
        if location.scheme.hasPrefix("dav"), let known = try server(of: location) { return known }
        return (HTTPAuthorization(environment: environment), try transport())
    }

    private func transport() throws -> HTTPTransport {
        try state.withLock { state in
            if let known = state.transport { return known }
            let made = try HTTPTransport(HTTPSettings(environment: environment))
            state.transport = made
            return made
        }
    }

    /// What a file of settings says of a WebDAV server.
    private func server(of root: ResourceURI) throws -> (HTTPAuthorization, HTTPTransport)? {
        try state.withLock { state in
            let settings = try state.webDAV ?? WebDAVSettings(environment: environment)
            state.webDAV = settings
            guard let server = settings.server(of: root) else { return nil }
            let transport = try state.transports[server.http] ?? HTTPTransport(server.http)
            state.transports[server.http] = transport
            return (server.authorization, transport)
        }
    }

    private func client(_ root: ResourceURI) throws -> S3Client {
        let profile = S3Location.authority(of: root)?.profile
        let name = "\(root.scheme) \(profile ?? "")"
        if let known = state.withLock({ $0.clients[name] }) { return known }
        let transport = try transport()
        let services = try S3Services(environment: environment).of(scheme: profile == nil ? root.scheme : "s3")
        let client = try services.client(profile, transport: transport)
        state.withLock { $0.clients[name] = client }
        return client
    }
}

extension HTTPAuthorization {
    /// `LSST_HTTP_AUTH_BEARER_TOKEN`: a token, or the absolute path of a file with one.
    public init(environment: [String: String]) {
        guard let token = environment["LSST_HTTP_AUTH_BEARER_TOKEN"], !token.isEmpty else {
            self = .none
            return
        }
        self = token.hasPrefix("/") ? .bearerFile(token) : .bearer(token)
    }
}
