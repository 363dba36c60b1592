import ByteText
import Crypto

/// Signs paths of one service for another that hands out its URLs; both have the same secret.
///
/// The signature is the HMAC-SHA256 of the decoded path and the time of expiry, in the query as `Expires` and
/// `Signature`, by which `lsst.resources` knows a URL that wants no `HEAD`.
public struct PathSigner: Sendable {
    /// Clocks of the two may differ by so many seconds.
    static let clockTolerance: Int64 = 60

    /// The purpose of signatures for near copies of distant files.
    public static let nearCopies = "steward near copies 1"

    private let key: SymmetricKey

    /// - Parameter purpose: keeps signatures for one kind of service from being good for another with the same secret.
    public init(secret: [UInt8], purpose: String) {
        key = SymmetricKey(
            data: HMAC<SHA256>.authenticationCode(for: Array(purpose.utf8), using: SymmetricKey(data: secret)))
    }

    /// - Parameters:
    ///   - path: decoded, without a slash at the start.
    ///   - expires: seconds since 1970.
    public func query(for path: String, expires: Int64) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Self.text(path, "\(expires)"), using: key)
        return "Expires=\(expires)&Signature=\(Hexadecimal.encode(code))"
    }

    /// - Throws: ``HTTPFailure`` with status 403 for a signature that is missing, forged or too old.
    public func check(_ path: String, _ query: QueryString, now: Int64) throws {
        guard let expires = query["Expires"], let signature = query["Signature"] else {
            throw HTTPFailure(.forbidden, "The URL is not signed; ask the Butler server for one that is.")
        }
        guard let code = Hexadecimal.decode(signature), expires.utf8.count <= 18,
            expires.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let end = Int64(expires),
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Self.text(path, expires), using: key)
        else { throw HTTPFailure(.forbidden, "The signature does not fit the URL.") }
        guard now <= end + Self.clockTolerance else {
            throw HTTPFailure(.forbidden, "The signed URL has expired; ask for a new one.")
        }
    }

    private static func text(_ path: String, _ expires: String) -> [UInt8] { Array("\(expires)\n\(path)".utf8) }
}
