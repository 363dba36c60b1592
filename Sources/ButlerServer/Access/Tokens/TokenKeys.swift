import ByteText
import Crypto
import JWTKit
import StructuredData

/// The keys that access tokens may be signed with. Each key goes with one algorithm, whatever a token says.
struct TokenKeys: Sendable {
    private struct Key: Sendable {
        /// `nil` matches any.
        let identifier: String?
        let algorithm: any JWTAlgorithm
    }

    private var keys: [Key] = []

    /// The shared secret of HS256.
    init(secret: [UInt8]) async throws {
        let collection = await JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        keys = [Key(identifier: nil, algorithm: try await collection.getKey())]
    }

    /// The public keys of a JSON Web Key Set (RFC 7517). Keys for other uses, of unknown kinds, and shared secrets are left
    /// out.
    ///
    /// - Throws: ``TokenKeyError`` for text that is no key set, for private, weak and malformed keys, and if no key is left.
    init(keySet json: some Collection<UInt8>) async throws(TokenKeyError) {
        guard let document = try? StructuredValue(json: Array(json)), let entries = document["keys"]?.arrayValue else {
            throw TokenKeyError(reason: "it is no JSON Web Key Set")
        }
        for entry in entries {
            guard let members = entry.objectValue else { throw TokenKeyError(reason: "a key is no object") }
            if let key = try await Self.key(members) { keys.append(key) }
        }
        guard !keys.isEmpty else { throw TokenKeyError(reason: "it has no public key for signatures") }
    }

    /// The keys that fit the header of a token.
    func candidates(identifier: String?, algorithm: String) -> [any JWTAlgorithm] {
        keys.filter { key in
            key.algorithm.name == algorithm
                && (identifier == nil || key.identifier == nil || key.identifier == identifier)
        }.map(\.algorithm)
    }

    private static func key(_ members: StructuredMapping) async throws(TokenKeyError) -> Key? {
        if let use = members["use"]?.stringValue, use != "sig" { return nil }
        if let operations = members["key_ops"]?.arrayValue, !operations.contains("verify") { return nil }
        guard let algorithm = try algorithm(members) else { return nil }
        let identifier = members["kid"]?.stringValue
        let name = identifier.map { "the key '\($0)'" } ?? "a key without 'kid'"
        guard members["d"] == nil else { throw TokenKeyError(reason: "\(name) is private") }
        var complete = members
        complete["alg"] = .string(algorithm)
        complete["kid"] = .string(identifier ?? "")
        var writer = JSONWriter()
        writer.value(.object(complete))
        do {
            let collection = try await JWTKeyCollection().add(jwk: try JWK(json: writer.text))
            let signer = try await collection.getKey(for: JWKIdentifier(string: identifier ?? ""), alg: algorithm)
            guard signer.name == algorithm else { throw TokenKeyError(reason: "\(name) is not for '\(algorithm)'") }
            return Key(identifier: identifier, algorithm: signer)
        } catch let error as TokenKeyError {
            throw error
        } catch {
            throw TokenKeyError(reason: "\(name) cannot be used: \(error)")
        }
    }

    /// The one algorithm of a key; `nil` for keys of no use here.
    private static func algorithm(_ members: StructuredMapping) throws(TokenKeyError) -> String? {
        let stated = members["alg"]?.stringValue
        let known: [String]
        switch (members["kty"]?.stringValue, members["crv"]?.stringValue) {
        case ("RSA", _):
            // 2048 bits, as RFC 7518 demands.
            guard let modulus = members["n"]?.stringValue.flatMap({ Base64URL.decode($0.utf8) }),
                modulus.drop(while: { $0 == 0 }).count >= 256
            else { throw TokenKeyError(reason: "an RSA key has fewer than 2048 bits") }
            known = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
        case ("EC", "P-256"): known = ["ES256"]
        case ("EC", "P-384"): known = ["ES384"]
        case ("EC", "P-521"): known = ["ES512"]
        case ("OKP", "Ed25519"): known = ["EdDSA"]
        default: return nil
        }
        guard let stated else { return known[0] }
        return known.contains(stated) ? stated : nil
    }
}

/// Why keys cannot be used. For operators.
struct TokenKeyError: Error, Equatable, CustomStringConvertible {
    let reason: String
    var description: String { "The key set cannot be used: \(reason)." }
}

/// Base64 in the alphabet for URLs, without padding (RFC 7515, section 2).
enum Base64URL {
    /// `nil` for any other text.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var standard: [UInt8] = []
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): standard.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): standard.append(UInt8(ascii: "/"))
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                standard.append(byte)
            default: return nil
            }
        }
        guard standard.count % 4 != 1 else { return nil }
        while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
        return standard.withUnsafeBufferPointer { Base64.decode($0) }
    }
}
