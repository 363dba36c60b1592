import ButlerModel
import ByteText
import JWTKit
import Serving
import StructuredData

/// What access tokens must say. Source: RFC 7519, section 4.1; RFC 8725.
public struct TokenRules: Sendable, Equatable {
    /// The value of `iss`.
    public var issuer: String
    /// A value that `aud` must be or hold.
    public var audience: String
    /// The claim with the user's name.
    public var userClaim = "sub"
    /// The claim with the user's groups: a list of names, or of objects with a `name`.
    public var groupsClaim = "groups"

    public init(issuer: String, audience: String) {
        self.issuer = issuer
        self.audience = audience
    }
}

/// Checks signed access tokens (JWT).
///
/// The key decides on the algorithm, never the token. Unsigned tokens, tokens signed with a public key as if it were a
/// secret, and tokens with demands that are not understood are refused.
public struct TokenVerifier: Sendable {
    struct Identity: Equatable {
        let user: String
        let groups: Set<ExactName>
    }

    private let rules: TokenRules
    private let source: TokenKeySource
    /// Seconds since 1970, UTC.
    private let now: @Sendable () -> Int64

    /// Clocks may differ by so much.
    private static let clockTolerance = 60.0
    private static let longestToken = 16_384

    init(_ rules: TokenRules, _ source: TokenKeySource, now: @escaping @Sendable () -> Int64 = { UTCClock.seconds }) {
        self.rules = rules
        self.source = source
        self.now = now
    }

    /// Fetches the keys, so that a server without any does not start.
    func prepare() async throws { _ = try await source.keys() }

    /// - Throws: ``TokenFailure``; what fetching keys throws.
    func identity(of token: some StringProtocol) async throws -> Identity {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard token.utf8.count <= Self.longestToken, parts.count == 3,
            let header = Base64URL.decode(parts[0]).flatMap({ try? StructuredValue(json: $0) })?.objectValue,
            let payload = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]), !signature.isEmpty,
            let algorithm = header["alg"]?.stringValue
        else { throw TokenFailure.malformed }
        // What must be understood is not.
        guard header["crit"] == nil else { throw TokenFailure.malformed }
        if let type = header["typ"] {
            guard let name = type.stringValue?.lowercased(), name == "jwt" || name == "at+jwt" else {
                throw TokenFailure.malformed
            }
        }
        var identifier: String?
        if let kid = header["kid"] {
            guard let text = kid.stringValue else { throw TokenFailure.malformed }
            identifier = text
        }
        let text = Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1])
        try await check(signature, of: text, identifier: identifier, algorithm: algorithm)
        guard let claims = (try? StructuredValue(json: payload))?.objectValue else { throw TokenFailure.malformed }
        return try identity(claims)
    }

    private func check(
        _ signature: [UInt8], of text: [UInt8], identifier: String?, algorithm: String
    ) async throws {
        var candidates = try await source.keys().candidates(identifier: identifier, algorithm: algorithm)
        if candidates.isEmpty, let keys = try await source.newKeys() {
            candidates = keys.candidates(identifier: identifier, algorithm: algorithm)
        }
        guard candidates.contains(where: { (try? $0.verify(signature, signs: text)) == true }) else {
            throw TokenFailure.forged
        }
    }

    private func identity(_ claims: StructuredMapping) throws(TokenFailure) -> Identity {
        guard claims["iss"]?.stringValue == rules.issuer else { throw .claim("iss") }
        let audiences = claims["aud"]?.arrayValue ?? claims["aud"].map { [$0] } ?? []
        guard audiences.contains(.string(rules.audience)) else { throw .claim("aud") }
        let time = Double(now())
        guard let expiry = claims["exp"]?.numberValue else { throw .claim("exp") }
        guard time < expiry + Self.clockTolerance else { throw .expired }
        for name in ["nbf", "iat"] {
            guard let claim = claims[name] else { continue }
            guard let start = claim.numberValue, time >= start - Self.clockTolerance else { throw .claim(name) }
        }
        guard let user = claims[rules.userClaim]?.stringValue, Self.isName(user) else { throw .claim(rules.userClaim) }
        var groups: Set<ExactName> = []
        if let list = claims[rules.groupsClaim], list != .null {
            guard let items = list.arrayValue else { throw .claim(rules.groupsClaim) }
            for item in items {
                guard let name = item.stringValue ?? item["name"]?.stringValue else { throw .claim(rules.groupsClaim) }
                groups.insert(ExactName(name))
            }
        }
        return Identity(user: user, groups: groups)
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 256
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }
}

/// Why an access token is not accepted.
enum TokenFailure: Error, Equatable {
    case malformed
    case forged
    case expired
    /// A claim is missing or is not what it should be.
    case claim(String)
}
