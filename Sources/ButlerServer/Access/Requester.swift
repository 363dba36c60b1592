import ButlerModel
import ByteText
import HTTPTypes
import Hummingbird
import Serving

/// Who asks, as far as the request tells.
struct Requester: Sendable, Hashable {
    /// The user's name from the ingress; `nil` without one.
    var user: String?
    /// The service through which the user asks. For logs only.
    var service: String?
    /// The user's groups, where what they may see depended on them; `nil` when they were not looked up.
    var groups: Set<ExactName>?
    /// Whether nothing in the repository is hidden from the request.
    var seesEverything: Bool

    var viewer: Viewer { seesEverything ? .unrestricted : .person(user: user.map { ExactName($0) }, groups: groups ?? []) }

    /// - Parameter seesEverything: for servers that check no identities, and for signed URLs.
    init(_ request: Request, seesEverything: Bool) {
        self.seesEverything = seesEverything
        user = request.headers[.xAuthRequestUser].flatMap { $0.isEmpty ? nil : $0 }
        service = request.headers[.xAuthRequestService].flatMap { $0.isEmpty ? nil : $0 }
    }
}
