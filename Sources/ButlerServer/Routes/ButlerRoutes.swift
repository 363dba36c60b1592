import HTTPTypes
import Hummingbird
import Logging
import Serving
import StructuredData

/// How clients of the server authenticate.
public enum ClientAuthentication: String, Sendable, CaseIterable {
    /// A bearer token to the server; files need none of their own.
    case rubinSciencePlatform = "rubin_science_platform"
    /// No token to the server; a bearer token to file stores.
    case cadc
}

/// All routes of a Butler server: see the remote Butler protocol reference, sections 1, 6 and 9.
struct ButlerRoutes: Sendable {
    let table: RepositoryTable
    let access: AccessRules
    let urls: FileURLs
    let queries: QueryAdmission
    let staticFiles: StaticFolder?
    let proxies: TrustedProxies
    let logger: Logger

    func add(to routes: ServiceRoutes) {
        addHealth(to: routes)
        addClientConfiguration(to: routes)
        addStaticFiles(to: routes)
        addModel(to: routes)
        addDatasets(to: routes)
        addCollections(to: routes)
        addFiles(to: routes)
        addQueries(to: routes)
        addPage(to: routes)
    }

    /// A request to a repository, after the check that its user may use it.
    struct Call {
        let request: Request
        let context: ServingContext
        let served: RepositoryTable.Served
        let requester: Requester
        /// As the requester sees it.
        let repository: any ServedRepository

        /// - Throws: `DatabaseError` while the repository's database has not been there yet.
        init(request: Request, context: ServingContext, served: RepositoryTable.Served, requester: Requester) throws {
            self.request = request
            self.context = context
            self.served = served
            self.requester = requester
            repository = try served.repository.acting(for: requester.viewer)
        }
    }

    typealias Handler = @Sendable (Call) async throws -> Response

    /// Decides on access by request, context and label.
    typealias Admission =
        @Sendable (Request, ServingContext, String) async throws -> (
            served: RepositoryTable.Served, requester: Requester
        )

    /// Adds `v1/…` with one handler for each method.
    ///
    /// - Parameter admission: `nil` for the rules that hold for nearly all routes.
    func add(
        _ path: String, _ methods: [HTTPRequest.Method], to routes: ServiceRoutes, admission: Admission? = nil,
        _ handler: @escaping Handler
    ) {
        let checked: RouteHandler = { request, context in
            let label = try context.segment("repository")
            let (served, requester) =
                if let admission {
                    try await admission(request, context, label)
                } else {
                    try await access.admit(request, to: label, of: table, logger: logger)
                }
            return try await handler(try Call(request: request, context: context, served: served, requester: requester))
        }
        routes.add(
            .init("/api/butler/repo/{repository}/v1/\(path)"),
            Dictionary(uniqueKeysWithValues: methods.map { ($0, checked) }))
    }

    // MARK: Routes outside repositories

    /// As upstream describes itself; clients look at the name, and people at the rest.
    private func addHealth(to routes: ServiceRoutes) {
        routes.add(
            "/",
            [
                .get: { request, _ in
                    if Self.isBrowser(request) {
                        return Response(status: .seeOther, headers: [.location: "/ui", .vary: "Accept"])
                    }
                    return .json(
                        [
                            "name": "butler", "version": .string(ButlerServer.protocolVersion),
                            "description":
                                "An abstraction layer for reading and writing astronomical data to datastores.",
                            "repository_url": "https://github.com/lsst/daf_butler",
                            "documentation_url": "https://github.com/lsst/daf_butler",
                        ], headers: [.vary: "Accept"])
                }
            ])
        routes.add(
            "/healthz", [.get: { _, _ in .json(["status": "ok", "version": .string(ButlerServer.version)]) }])
    }

    /// Any label is answered, so that nobody learns without credentials which ones exist.
    private func addClientConfiguration(to routes: ServiceRoutes) {
        let answer = Response.json([
            "cls": "lsst.daf.butler.remote_butler.RemoteButler",
            "remote_butler": ["url": "<butlerRoot>", "authentication": .string(urls.authentication.rawValue)],
        ])
        for name in ["butler.yaml", "butler.json"] {
            routes.add(.init("/api/butler/repo/{repository}/\(name)"), [.get: { _, _ in answer }])
        }
    }
}
