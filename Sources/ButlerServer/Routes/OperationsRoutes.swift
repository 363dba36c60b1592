import Hummingbird
import NIOCore
import Serving
import StructuredData

/// What those who run the server ask it. An ingress should not lead here.
extension ButlerRoutes {
    func addOperations(to routes: ServiceRoutes) {
        let (gate, metrics) = (routes.gate, routes.metrics)
        let databases = table.all.map { served in
            (label: served.label, readiness: Readiness { try await served.repository.read { _ in } })
        }
        // Whether to send requests here.
        routes.add("/readyz", [.get: { [self] _, _ in await readiness(of: databases, isDraining: gate.isDraining) }])

        observeConnections(metrics)
        routes.add(
            "/metrics",
            [
                .get: { _, _ in
                    Response(
                        status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                        body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.registry.text())))
                }
            ])
    }

    /// How long a repository may take to answer.
    private static let readinessTime = Duration.seconds(3)

    /// Asks each repository's database for the little that every request needs, and is ready if one answers. Reasons go to
    /// the log only.
    private func readiness(of databases: [(label: String, readiness: Readiness)], isDraining: Bool) async -> Response {
        guard !isDraining else { return .json(["status": "stopping"], status: .serviceUnavailable) }
        let failing = await withTaskGroup(of: String?.self) { group in
            for (label, readiness) in databases {
                group.addTask {
                    do {
                        try await readiness.check(within: Self.readinessTime)
                        return nil
                    } catch {
                        logger.warning(
                            "repository not ready",
                            metadata: ["butler_repo": .string(label), "error": .string("\(error)")])
                        return label
                    }
                }
            }
            return await group.reduce(into: [String]()) { labels, label in if let label { labels.append(label) } }
        }
        guard !failing.isEmpty else { return .json(["status": "ready"]) }
        let labels = StructuredValue.strings(failing.sorted())
        // The others are of use without those whose databases are away.
        guard failing.count == databases.count else { return .json(["status": "ready", "unavailable": labels]) }
        return .json(["status": "not ready", "repositories": labels], status: .serviceUnavailable)
    }

    private func observeConnections(_ metrics: ServiceMetrics) {
        let table = table
        metrics.registry.observe(
            "butler_database_connections", "Connections to repositories' databases: in use, limit, and tasks that wait."
        ) {
            table.all.sorted { $0.label < $1.label }.flatMap { served -> [(labels: [(String, String)], value: Double)] in
                guard let (reads, pages) = try? served.repository.activity else { return [] }
                return [("reads", reads), ("streams", pages)].flatMap { pool, activity in
                    [("in_use", activity.inUse), ("limit", activity.limit), ("waiting", activity.waiting)].map {
                        ([("repository", served.label), ("pool", pool), ("state", $0.0)], Double($0.1))
                    }
                }
            }
        }
    }
}
