import Crypto
import Foundation
import StructuredData

@testable import ButlerServer

/// Makes tokens, good and bad, and the keys that go with them.
struct TokenForge: Sendable {
    static let time: Int64 = 1_790_000_000
    static let secret = Array("a secret of more than thirty-two characters".utf8)
    /// From openssl, with the key `rsa` and issuer, audience and user as below; it expires in 2096.
    static let rsaToken =
        "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoic3Rld2FyZCIsInN1YiI6Im"
        + "FubiIsImV4cCI6NDAwMDAwMDAwMH0.OcpRqkJdGL9jkgQzQyN8rKEvYLDbTjehAUcu-T_lywGPu4UI1E4PA234j3btyP3S4kZqna6i91TQCcuh"
        + "NFWvCjlJ5p6H9WHsMGti0ydZCLdBiZPP-VN4Axx13rTh_IlBV2VucIkOJTzK_oEcENa1Qq2Rq1zB9iLydnZCNXleIzhMVKYhvzE_lFV-im2fT"
        + "YGCbKiNb-pJfxGb-0USNgYAkBHKXZOjXGeqMDDf9h4DwKSWQj6_ej525wZo0CE3IYbFq3S4thhipUewS7_5LXuQB3CU8ahhnMLrYeUW9lZynV"
        + "w-EwHrn7qjcJdT9UmTEXKJFQDuvubvcxAiEwGAI8qzoQ"
    static let rsaModulus =
        "pOAswsMu8Ks62yCiSF4MSmz_dM-XlbzYp8bUlvOdyB4CXhj7e8PoCX1mZ8F6btUII_2Uegg5J_XAGtOiAqDsFan2suCljia194ja5g47pcRNiit3"
        + "M2cCWETnYibHqG26cVDbC3knMGa807_JvVaX1rWszmJK7Jp6-GPI7n0-RS7UOx9-EVUAlXRg7HAwCURelX_0r09fk0acF2vAybY06qz0HuR0M"
        + "V7riUjs50AvZVCq46By77EhEXvSocaPqkF7BlsnNeTmtfqNJksz6iLuTH--uN5GiSHJ3Pfs-ilDA1qaY8y-xu1Vg2onkRScZOPmajmMKhvFuu"
        + "wnMOyt13iVXQ"

    let elliptic = P256.Signing.PrivateKey()
    let edwards = Curve25519.Signing.PrivateKey()

    var claims: StructuredMapping {
        [
            "iss": "https://issuer.example", "aud": "steward", "sub": "ann", "groups": ["few", ["name": "g_all"]],
            "exp": .int(Self.time + 600), "iat": .int(Self.time),
        ]
    }

    // MARK: Keys

    var ellipticKey: StructuredMapping {
        let point = Array(elliptic.publicKey.rawRepresentation)
        return [
            "kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": .string(Self.encode(Array(point[..<32]))),
            "y": .string(Self.encode(Array(point[32...]))),
        ]
    }

    var edwardsKey: StructuredMapping {
        [
            "kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA",
            "x": .string(Self.encode(Array(edwards.publicKey.rawRepresentation))),
        ]
    }

    static var rsaKey: StructuredMapping {
        ["kty": "RSA", "kid": "rsa", "alg": "RS256", "n": .string(rsaModulus), "e": "AQAB"]
    }

    var keySet: [UInt8] { Self.keySet([ellipticKey, edwardsKey, Self.rsaKey]) }

    static func keySet(_ keys: [StructuredMapping]) -> [UInt8] { json(["keys": .array(keys.map { .object($0) })]) }

    // MARK: Tokens

    func token(
        _ header: StructuredMapping = ["alg": "ES256", "typ": "JWT", "kid": "ec"], _ claims: StructuredMapping? = nil
    ) throws -> String {
        try token(header, claims ?? self.claims) { text in
            Array(try elliptic.signature(for: SHA256.hash(data: text)).rawRepresentation)
        }
    }

    func token(
        _ header: StructuredMapping, _ claims: StructuredMapping, signature: ([UInt8]) throws -> [UInt8]
    ) rethrows -> String {
        let text = "\(Self.encode(Self.json(header))).\(Self.encode(Self.json(claims)))"
        return "\(text).\(Self.encode(try signature(Array(text.utf8))))"
    }

    func token(secret: [UInt8], _ header: StructuredMapping = ["alg": "HS256"]) -> String {
        token(header, claims) { text in
            Array(HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: secret)))
        }
    }

    func claims(_ name: String, _ value: StructuredValue?) -> StructuredMapping {
        var claims = self.claims
        claims[name] = value
        return claims
    }

    static func json(_ value: StructuredMapping) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(value)
        return writer.bytes
    }

    static func encode(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
