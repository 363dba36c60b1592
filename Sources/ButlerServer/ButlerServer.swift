public import Logging
public import Serving

/// The Butler server: repositories under labels, served over the HTTP protocol of `RemoteButler`.
public enum ButlerServer {
    public static let version = "0.1.0"

    /// The release of the Python package whose protocol is spoken. Clients are told this one.
    public static let protocolVersion = "30.2026.4300"

    /// The service, ready to run.
    ///
    /// - Parameters:
    ///   - urls: how clients are told to read files.
    ///   - staticFiles: served at `/api/butler/configs`.
    ///   - queries: how many run, and how long.
    ///   - logger: where to log; by default to standard error, as the options say.
    public static func service(
        _ table: RepositoryTable, access: AccessRules = .open, urls: FileURLs = FileURLs(),
        staticFiles: StaticFolder? = nil, queries: QueryLimits = QueryLimits(), options: ServingOptions, logger: Logger? = nil
    ) -> HTTPService {
        let logger = logger ?? options.logFormat.logger(label: "butler", level: options.logLevel)
        return HTTPService(
            name: "butler", options: options, logger: logger,
            translate: { ButlerFailure.response(to: $0) ?? DatabaseOutage.response(to: $0, logger: logger) }
        ) { routes in
            let butler = ButlerRoutes(
                table: table, access: access, urls: urls, queries: QueryAdmission(queries, routes.metrics),
                staticFiles: staticFiles, proxies: options.trustedProxies, logger: logger)
            butler.add(to: routes)
            butler.addOperations(to: routes)
        }
    }
}
