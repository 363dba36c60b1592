/// Keys to an S3 service. Prints without the secret parts.
public struct S3Credentials: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    public let accessKeyID: String
    let secretAccessKey: String
    let sessionToken: String?

    public init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }

    /// `nil` without a key and its secret.
    init?(id: String?, secret: String?, token: String?) {
        guard let id, let secret, !id.isEmpty, !secret.isEmpty else { return nil }
        self.init(accessKeyID: id, secretAccessKey: secret, sessionToken: token.flatMap { $0.isEmpty ? nil : $0 })
    }

    public var description: String { "S3 credentials \(accessKeyID)" }
    public var debugDescription: String { description }
}
