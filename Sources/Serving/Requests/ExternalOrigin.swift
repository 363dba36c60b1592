public import Hummingbird

/// The scheme and host under which the client reached the service, for absolute URLs in responses.
public struct ExternalOrigin: Sendable, CustomStringConvertible {
    public let scheme: String
    public let authority: String

    /// `scheme://host[:port]` without a slash at the end.
    public var description: String { "\(scheme)://\(authority)" }

    /// - Throws: ``HTTPFailure`` 400 when the request names no legal host.
    public init(of request: Request, context: ServingContext, proxies: TrustedProxies) throws(HTTPFailure) {
        guard let authority = request.head.authority, Self.isLegal(authority) else {
            throw HTTPFailure(.badRequest, "The request names no valid host.")
        }
        self.authority = authority
        let forwarded = proxies.contains(context.peer) ? request.headers[.xForwardedProto]?.lowercased() : nil
        scheme = forwarded.map { $0 == "https" } ?? context.isSecure ? "https" : "http"
    }

    /// Whether the text can stand in a URL as host and port.
    static func isLegal(_ authority: String) -> Bool {
        !authority.isEmpty && authority.utf8.count <= 255
            && authority.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                    true
                default: false
                }
            }
    }
}
