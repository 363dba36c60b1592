public import HTTPTypes
import Hummingbird

/// A request that is answered with an error status and `{"detail": text}`. The text is for the client to see.
public struct HTTPFailure: Error, Equatable, CustomStringConvertible {
    public let status: HTTPResponse.Status
    public let detail: String
    public let headers: HTTPFields

    public init(_ status: HTTPResponse.Status, _ detail: String, headers: HTTPFields = [:]) {
        self.status = status
        self.detail = detail
        self.headers = headers
    }

    /// Status 404 with the text that FastAPI gives to unknown routes.
    public static let notFound = HTTPFailure(.notFound, "Not Found")

    public var description: String { "\(status.code): \(detail)" }
}

extension HTTPField.Name {
    public static let xForwardedProto = name("X-Forwarded-Proto")
    public static let xAuthRequestUser = name("X-Auth-Request-User")
    public static let xAuthRequestToken = name("X-Auth-Request-Token")
    public static let xAuthRequestService = name("X-Auth-Request-Service")
    public static let xButlerClientRequestID = name("X-Butler-Client-Request-Id")
    static let xContentTypeOptions = name("X-Content-Type-Options")

    /// The names above are all legal; the fallback never comes to pass.
    /// Keeps proxies from collecting a stream.
    static let xAccelBuffering = name("x-accel-buffering")

    private static func name(_ text: String) -> HTTPField.Name { HTTPField.Name(text) ?? .userAgent }
}
