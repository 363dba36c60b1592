import HTTPTypes
import Hummingbird
import Serving

/// Who asks, as far as the request tells.
struct Requester: Sendable, Hashable {
    /// The user's name from the ingress; `nil` without one.
    var user: String?
    /// The service through which the user asks. For logs only.
    var service: String?
    /// The user's groups, where access depended on them; `nil` when they were not looked up.
    var groups: Set<String>?

    init(_ request: Request) {
        user = request.headers[.xAuthRequestUser].flatMap { $0.isEmpty ? nil : $0 }
        service = request.headers[.xAuthRequestService].flatMap { $0.isEmpty ? nil : $0 }
    }
}
