import Butler
import Logging
public import RepositoryConfiguration
public import Serving

extension ButlerServer {
    /// Opens the repositories, serves them until SIGTERM or SIGINT, and closes them.
    ///
    /// - Parameters:
    ///   - environment: for the repositories: `DAF_BUTLER_CONFIG_PATH`, credentials and the like.
    ///   - onReady: called with the port once connections are accepted.
    /// - Throws: what opening a repository throws; ``ServingError`` when the address cannot be bound.
    public static func run(
        _ options: ServeOptions, environment: ConfigurationEnvironment = .process,
        onReady: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws {
        let logger = options.serving.logFormat.logger(label: "butler", level: options.serving.logLevel)
        var entries: [String: RepositoryTable.Entry] = [:]
        var butlers: [DirectButler] = []
        do {
            for repository in options.repositories {
                let butler = try await DirectButler.open(
                    repository.configuration, writeable: false, environment: environment)
                butlers.append(butler)
                entries[repository.label] = .init(
                    DirectRepository(butler: butler), authorizedGroups: repository.authorizedGroups)
                if options.access == .gafaelfawr, !repository.authorizedGroups.contains("*") {
                    logger.warning(
                        "group membership cannot be looked up yet: nobody can use this repository",
                        metadata: ["butler_repo": .string(repository.label)])
                }
            }
            let service = service(
                RepositoryTable(entries), access: options.access, authentication: options.authentication,
                options: options.serving, logger: logger)
            try await service.run { port in
                for repository in options.repositories {
                    let url = "http://\(options.serving.host):\(port)/api/butler/repo/\(repository.label)"
                    logger.info(
                        "serving", metadata: ["url": .string(url), "config": .string(repository.configuration)])
                }
                onReady(port)
            }
        } catch {
            await close(butlers, logger)
            throw error
        }
        await close(butlers, logger)
    }

    private static func close(_ butlers: [DirectButler], _ logger: Logger) async {
        for butler in butlers {
            do {
                try await butler.close()
            } catch {
                logger.error("a repository's database did not close", metadata: ["error": .string("\(error)")])
            }
        }
    }
}
