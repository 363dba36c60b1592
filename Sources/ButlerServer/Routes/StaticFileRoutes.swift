import Hummingbird
import Serving

/// Files that the operator has put out, such as an index of repositories.
/// Source: remote Butler protocol reference, section 11.
extension ButlerRoutes {
    func addStaticFiles(to routes: ServiceRoutes) {
        guard let staticFiles else { return }
        let serve: RouteHandler = { request, context in
            try await staticFiles.response(
                to: request, path: context.parameters.getCatchAll().joined(separator: "/"))
        }
        routes.add("/api/butler/configs/**", [.get: serve, .head: serve])
    }
}
