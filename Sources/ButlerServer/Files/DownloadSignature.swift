import ByteText
import Crypto
import Serving

/// A file of a dataset, by the parts of its URL on this server.
struct DownloadTarget: Hashable, Sendable {
    let label: String
    /// The dataset identifier in its usual spelling.
    let dataset: String
    let fileName: String
    let component: String?

    /// The path of the URL, every part of it quoted.
    var path: String {
        "/api/butler/repo/\(PercentEncoding.encode(label))/v1/file/\(dataset)/\(PercentEncoding.encode(fileName))"
    }
}

/// Signs URLs of this server, so that whoever has one can read that one file for a while, without a token.
///
/// The signature is the HMAC-SHA256 of method, path, component and time of expiry. It covers what was decoded from the
/// URL and quoted again, so that the spelling does not matter and the meaning does. Host and scheme are not covered:
/// proxies change them.
public struct DownloadSigner: Sendable {
    /// Clocks of servers that share a secret may differ by so much.
    static let clockTolerance: Int64 = 60

    private let key: SymmetricKey
    /// Seconds.
    let lifetime: Int64
    /// Seconds since 1970, UTC.
    let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - secret: shared by all servers that are to honour each other's URLs; `nil` for a random one, with which URLs
    ///     die with the process.
    ///   - lifetime: for how long URLs are valid, in seconds.
    public init(
        secret: [UInt8]? = nil, lifetime: Int64 = 3600, now: @escaping @Sendable () -> Int64 = { UTCClock.seconds }
    ) {
        let secret = secret.map { SymmetricKey(data: $0) } ?? SymmetricKey(size: .bits256)
        // The same secret may come to sign other things one day.
        key = SymmetricKey(
            data: HMAC<SHA256>.authenticationCode(for: Array("steward download URL 1".utf8), using: secret))
        self.lifetime = lifetime
        self.now = now
    }

    /// The query of a URL that is valid from now on.
    func query(for target: DownloadTarget) -> String {
        let expires = String(now() + lifetime)
        let signature = Hexadecimal.encode(
            HMAC<SHA256>.authenticationCode(for: Self.text(target, expires: expires), using: key))
        let component = target.component.map { "component=\(PercentEncoding.encode($0))&" } ?? ""
        return "\(component)Expires=\(expires)&Signature=\(signature)"
    }

    /// Whether a URL with this query is valid now; `nil` for a query without any part of a signature.
    func verdict(on target: DownloadTarget, _ query: QueryString) -> Verdict? {
        switch (query["Expires"], query["Signature"]) {
        case (nil, nil): return nil
        case (let expires?, let signature?):
            guard let code = Hexadecimal.decode(signature), expires.utf8.count <= 18,
                expires.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let end = Int64(expires),
                HMAC<SHA256>.isValidAuthenticationCode(
                    code, authenticating: Self.text(target, expires: expires), using: key)
            else { return .forged }
            return now() <= end + Self.clockTolerance ? .valid : .expired
        default: return .forged
        }
    }

    enum Verdict: Equatable {
        case valid
        case expired
        case forged
    }

    private static func text(_ target: DownloadTarget, expires: String) -> [UInt8] {
        // No part can hold a line break, since every one is quoted.
        let component = target.component.map { "component=\(PercentEncoding.encode($0))" } ?? ""
        return Array("GET\n\(target.path)\n\(component)\n\(expires)".utf8)
    }
}
