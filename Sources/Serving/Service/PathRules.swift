import HTTPTypes
import Hummingbird

/// A path has one spelling: one with a superfluous slash at its end is redirected, one with empty segments inside or
/// with dot segments is unknown.
struct PathRules: RouterMiddleware {
    typealias Context = ServingContext
    let proxies: TrustedProxies

    func handle(
        _ request: Request, context: ServingContext, next: (Request, ServingContext) async throws -> Response
    ) async throws -> Response {
        let path = request.head.path ?? "/"
        let route = path.prefix { $0 != "?" }
        guard route.utf8.first == UInt8(ascii: "/") else { throw HTTPFailure.notFound }
        if route.utf8.count == 1 { return try await next(request, context) }
        let segments = route.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for segment in segments.dropLast() where segment.isEmpty { throw HTTPFailure.notFound }
        for segment in segments where PercentEncoding.isDotSegment(segment) { throw HTTPFailure.notFound }
        guard segments.last?.isEmpty == true else { return try await next(request, context) }
        // Only for paths that exist without the slash.
        guard context.endpointPath != nil, context.endpointPath != "NotFound" else { throw HTTPFailure.notFound }
        let origin = try ExternalOrigin(of: request, context: context, proxies: proxies)
        let query = path.dropFirst(route.count)
        return Response(status: .temporaryRedirect, headers: [.location: "\(origin)\(route.dropLast())\(query)"])
    }
}
