import Butler
import Database
import Logging
import ObjectStorage
public import RepositoryConfiguration
public import Serving

extension ButlerServer {
    /// Opens the repositories, serves them until SIGTERM or SIGINT, and closes them. One whose database cannot be reached is
    /// opened once it can; until then requests to it are answered with 503.
    ///
    /// - Parameters:
    ///   - environment: for the repositories: `DAF_BUTLER_CONFIG_PATH`, credentials and the like.
    ///   - onReady: called with the port once connections are accepted.
    /// - Throws: what opening a repository throws, but for outages of its database; ``ServeError`` for an unusable secret;
    ///   ``ServingError`` when the address cannot be bound.
    public static func run(
        _ options: ServeOptions, environment: ConfigurationEnvironment = .process,
        onReady: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws {
        let logger = options.serving.logFormat.logger(label: "butler", level: options.serving.logLevel)
        let identities = IdentityRequirement(options: options, logger: logger)
        for repository in options.repositories { try identities.check(repository) }
        let near = try nearCopies(options)
        await near?.prepare()
        let urls = try fileURLs(options, environment, near)
        let staticFiles = options.staticFilesPath.map { StaticFolder($0) }
        if let path = options.staticFilesPath, staticFiles?.exists != true { throw ServeError.noFolder(path: path) }
        let directory = options.gafaelfawrURL.map { GafaelfawrDirectory(url: $0) }
        let (keys, download) = options.tokens.map { $0.keys.source() } ?? (nil, nil)
        var entries: [String: RepositoryTable.Entry] = [:]
        var awaited: [(opening: RepositoryOpening, place: RepositoryPlace, outage: DatabaseError)] = []
        var butlers: [DirectButler] = []
        do {
            let openings = options.repositories.map {
                RepositoryOpening(
                    repository: $0, options: options, environment: environment, identities: identities, logger: logger)
            }
            for (opening, outcome) in zip(openings, try await RepositoryOpening.openTogether(openings)) {
                let place: RepositoryPlace
                switch outcome {
                case .success(let opened):
                    butlers.append(opened.butler)
                    place = RepositoryPlace(opened.served)
                case .failure(let outage):
                    opening.announce(outage)
                    place = RepositoryPlace(awaitingAfter: outage)
                    awaited.append((opening, place, outage))
                }
                entries[opening.repository.label] = .init(
                    place, authorizedGroups: opening.repository.authorizedGroups)
            }
            var access = directory.map { AccessRules.ingress(groups: $0) } ?? .open
            if let tokens = options.tokens, let keys {
                let verifier = TokenVerifier(tokens.rules, keys)
                try await verifier.prepare()
                access = .tokens(verifier)
            }
            let service = service(
                RepositoryTable(entries), access: access, urls: urls,
                staticFiles: staticFiles, queries: options.queries, options: options.serving, logger: logger)
            let waiting = Set(awaited.map(\.opening.repository.label))
            try await whileOpening(awaited, &butlers) {
                try await service.run { port in
                    let scheme = options.serving.tls == nil ? "http" : "https"
                    for repository in options.repositories where !waiting.contains(repository.label) {
                        let url = "\(scheme)://\(options.serving.host):\(port)/api/butler/repo/\(repository.label)"
                        logger.info(
                            "serving", metadata: ["url": .string(url), "config": .string(repository.configuration)])
                    }
                    onReady(port)
                }
            }
        } catch {
            await close(butlers, directory, download, logger)
            throw error
        }
        await close(butlers, directory, download, logger)
    }

    /// Runs `body`, and opens repositories meanwhile whose databases come back.
    ///
    /// - Parameter butlers: gets what was opened.
    private static func whileOpening(
        _ awaited: [(opening: RepositoryOpening, place: RepositoryPlace, outage: DatabaseError)],
        _ butlers: inout [DirectButler], _ body: () async throws -> Void
    ) async throws {
        let (result, opened) = await withTaskGroup(of: DirectButler?.self) { group in
            for (opening, place, outage) in awaited {
                group.addTask { await opening.fill(place, after: outage) }
            }
            var result = Result<Void, any Error>.success(())
            do { try await body() } catch { result = .failure(error) }
            group.cancelAll()
            return (result, await group.reduce(into: [DirectButler]()) { if let butler = $1 { $0.append(butler) } })
        }
        butlers += opened
        try result.get()
    }

    private static func nearCopies(_ options: ServeOptions) throws -> NearCopies? {
        guard !options.nearCopies.isEmpty else { return nil }
        return NearCopies(
            options.nearCopies, secret: try options.nearCopiesSecretFile.map { try NearCopies.secret(readingFrom: $0) })
    }

    private static func fileURLs(
        _ options: ServeOptions, _ environment: ConfigurationEnvironment, _ near: NearCopies?
    ) throws -> FileURLs {
        let settings = options.signedURLs
        let secret = try settings.secretFile.map { try NearCopies.secret(readingFrom: $0) }
        return FileURLs(
            authentication: options.authentication, signer: DownloadSigner(secret: secret, lifetime: settings.lifetime),
            storage: S3Presigner(
                try S3Services(environment: environment.variables), version: settings.storageSignature),
            near: near)
    }

    private static func close(
        _ butlers: [DirectButler], _ directory: GafaelfawrDirectory?, _ download: KeySetDownload?, _ logger: Logger
    ) async {
        // Nobody waits for an answer any more.
        try? await directory?.shutdown()
        try? await download?.shutdown()
        for butler in butlers {
            do {
                try await butler.close()
            } catch {
                logger.error("a repository's database did not close", metadata: ["error": .string("\(error)")])
            }
        }
    }
}
