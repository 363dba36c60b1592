import Crypto
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import StructuredData
import Synchronization
import Testing

@testable import ButlerServer

/// Signed access tokens: what is accepted, and everything that is not.
@Suite struct TokenTests {
    private let forge = TokenForge()

    private func verifier(pause: Duration = .seconds(30)) -> TokenVerifier {
        let keySet = forge.keySet
        return verifier(TokenKeySource(pause: pause) { try await TokenKeys(keySet: keySet) })
    }

    private func verifier(_ source: TokenKeySource) -> TokenVerifier {
        TokenVerifier(
            TokenRules(issuer: "https://issuer.example", audience: "steward"), source, now: { TokenForge.time })
    }

    private var secretVerifier: TokenVerifier {
        verifier(TokenKeySource(lifetime: nil) { try await TokenKeys(secret: TokenForge.secret) })
    }

    private func refusal(_ token: String, _ verifier: TokenVerifier) async -> TokenFailure? {
        await #expect(throws: TokenFailure.self) { _ = try await verifier.identity(of: token) }
    }

    // MARK: Accepted

    @Test func tokensOfEveryKindOfKeyAreAccepted() async throws {
        let verifier = verifier()
        let edwards = try forge.token(["alg": "EdDSA", "kid": "ed"], forge.claims) { text in
            Array(try forge.edwards.signature(for: text))
        }
        for token in [try forge.token(), try forge.token(["alg": "ES256"]), edwards] {
            let identity = try await verifier.identity(of: token)
            #expect(identity == .init(user: "ann", groups: ["few", "g_all"]))
        }
        #expect(try await verifier.identity(of: TokenForge.rsaToken) == .init(user: "ann", groups: []))
        let shared = forge.token(secret: TokenForge.secret)
        #expect(try await secretVerifier.identity(of: shared).user == "ann")
    }

    @Test func clocksMayDifferByAMinute() async throws {
        let verifier = verifier()
        for (name, offset, isAccepted) in [
            ("exp", -59, true), ("exp", -60, false), ("nbf", 60, true), ("nbf", 61, false), ("iat", 60, true),
            ("iat", 61, false),
        ] {
            let token = try forge.token(
                ["alg": "ES256"], forge.claims(name, .int(TokenForge.time + Int64(offset))))
            let identity = try? await verifier.identity(of: token)
            #expect((identity != nil) == isAccepted, "\(name) \(offset)")
        }
    }

    @Test func claimNamesAreSettings() async throws {
        var rules = TokenRules(issuer: "https://issuer.example", audience: "steward")
        (rules.userClaim, rules.groupsClaim) = ("preferred_username", "isMemberOf")
        let keySet = forge.keySet
        let verifier = TokenVerifier(
            rules, TokenKeySource { try await TokenKeys(keySet: keySet) }, now: { TokenForge.time })
        var claims = forge.claims
        claims["preferred_username"] = "bob"
        claims["isMemberOf"] = ["staff"]
        #expect(
            try await verifier.identity(of: try forge.token(["alg": "ES256"], claims))
                == .init(user: "bob", groups: ["staff"]))
    }

    // MARK: Refused

    @Test func whatIsUnsignedOrSignedOtherwiseIsForged() async throws {
        let verifier = verifier()
        for algorithm in ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "ES384", "RS256", "PS256", "EdDSA"] {
            for kid in [nil, "ec", "rsa", "ed", "other"] {
                var header: StructuredMapping = ["alg": .string(algorithm)]
                if let kid { header["kid"] = .string(kid) }
                #expect(await refusal(try forge.token(header), verifier) == .forged, "\(header)")
                let unsigned = forge.token(header, forge.claims) { _ in [] }
                #expect(await refusal(unsigned, verifier) == .malformed)
            }
        }
        let stranger = TokenForge()
        #expect(await refusal(try stranger.token(), verifier) == .forged)
        // The key that the token brings along is nobody's.
        for name in ["jwk", "x5c", "jku", "x5u"] {
            var header: StructuredMapping = ["alg": "ES256"]
            header[name] = name == "jwk" ? .object(stranger.ellipticKey) : .string("https://evil.example/keys")
            #expect(await refusal(try stranger.token(header), verifier) == .forged)
        }
    }

    @Test func publicKeysAreNoSecrets() async throws {
        let verifier = verifier()
        let secrets: [[UInt8]] = [
            forge.keySet, TokenForge.json(forge.ellipticKey), Array(forge.elliptic.publicKey.rawRepresentation),
            Array(forge.elliptic.publicKey.pemRepresentation.utf8), Array(forge.elliptic.publicKey.derRepresentation),
            Array(TokenForge.rsaModulus.utf8), [],
        ]
        for secret in secrets {
            for header in [["alg": "HS256"], ["alg": "HS256", "kid": "ec"], ["alg": "ES256", "kid": "ec"]] {
                let header = StructuredMapping(header.map { ($0.key, .string($0.value)) })
                #expect(await refusal(forge.token(secret: secret, header), verifier) == .forged)
            }
        }
        for token in [try forge.token(), TokenForge.rsaToken, forge.token(secret: Array("another secret".utf8))] {
            #expect(await refusal(token, secretVerifier) == .forged)
        }
    }

    @Test func alteredTokensAreForged() async throws {
        let verifier = verifier()
        let parts = try forge.token().split(separator: ".").map(String.init)
        let other = try forge.token(["alg": "ES256"], forge.claims("sub", "bob")).split(separator: ".").map(String.init)
        #expect(await refusal([parts[0], other[1], parts[2]].joined(separator: "."), verifier) == .forged)
        #expect(await refusal([parts[0], parts[1], other[2]].joined(separator: "."), verifier) == .forged)
        #expect(await refusal([other[0], parts[1], parts[2]].joined(separator: "."), verifier) == .forged)
        for length in [1, 32, 63, 65, 200] {
            let token = forge.token(["alg": "ES256"], forge.claims) { _ in Array(repeating: 0, count: length) }
            #expect(await refusal(token, verifier) == .forged)
        }
    }

    @Test func malformedTokensAreRefused() async throws {
        let verifier = verifier()
        let token = try forge.token()
        let parts = token.split(separator: ".").map(String.init)
        var texts = [
            "", ".", "..", "...", "a.b.c", token + ".", token + ".x", "." + token, parts[0], parts[0] + "." + parts[1],
            token + "=", token + " ", " " + token, token + "\n", parts[0] + "=." + parts[1] + "." + parts[2],
            parts[0] + "." + parts[1] + ".+/", "é.é.é", String(repeating: "A", count: 20_000),
        ]
        for header: StructuredMapping in [
            [:], ["alg": 5], ["alg": nil], ["alg": "ES256", "kid": 5], ["alg": "ES256", "crit": ["exp"]],
            ["alg": "ES256", "typ": "other"], ["alg": "ES256", "typ": 1], ["alg": ["ES256"]],
        ] {
            texts.append(try forge.token(header))
        }
        for text in texts { #expect(await refusal(text, verifier) == .malformed, "\(text.prefix(60))") }
    }

    @Test func claimsThatAreMissingOrWrongAreRefused() async throws {
        let verifier = verifier()
        let cases: [(String, StructuredValue?)] = [
            ("iss", nil), ("iss", "https://issuer.example/"), ("iss", ["https://issuer.example"]), ("aud", nil),
            ("aud", "other"), ("aud", ["other"]), ("aud", []), ("aud", ["steward": true]), ("exp", nil),
            ("exp", "4000000000"), ("exp", .null), ("nbf", "0"), ("sub", nil), ("sub", ""), ("sub", "a\nb"), ("sub", 7),
            ("groups", "few"), ("groups", [1]), ("groups", [["id": 1]]), ("groups", ["few": true]),
        ]
        for (name, value) in cases {
            let token = try forge.token(["alg": "ES256"], forge.claims(name, value))
            #expect(await refusal(token, verifier) == .claim(name), "\(name) \(String(describing: value))")
        }
        for expiry: StructuredValue in [0, .int(TokenForge.time - 61), .float(-1e300), .int(.min)] {
            let token = try forge.token(["alg": "ES256"], forge.claims("exp", expiry))
            #expect(await refusal(token, verifier) == .expired)
        }
        for audience: StructuredValue in [["other", "steward"], ["steward"]] {
            let token = try forge.token(["alg": "ES256"], forge.claims("aud", audience))
            #expect(try await verifier.identity(of: token).user == "ann")
        }
    }

    // MARK: Keys

    @Test func unusableKeySetsAreRefused() async throws {
        var priv = forge.ellipticKey
        priv["d"] = .string(TokenForge.encode(Array(forge.elliptic.rawRepresentation)))
        var weak = TokenForge.rsaKey
        weak["n"] = .string(String(TokenForge.rsaModulus.prefix(171)))
        var encryption = forge.ellipticKey
        encryption["use"] = "enc"
        var mismatched = forge.ellipticKey
        mismatched["alg"] = "HS256"
        var broken = forge.ellipticKey
        broken["x"] = "AAAA"
        let symmetric: StructuredMapping = ["kty": "oct", "alg": "HS256", "k": "c2VjcmV0"]
        for keys in [[priv], [weak], [encryption], [mismatched], [broken], [symmetric], [forge.edwardsKey, priv], []] {
            let keySet = TokenForge.keySet(keys)
            await #expect(throws: TokenKeyError.self) { _ = try await TokenKeys(keySet: keySet) }
        }
        for text in ["", "{}", "[]", #"{"keys": 5}"#, #"{"keys": [5]}"#] {
            await #expect(throws: TokenKeyError.self) { _ = try await TokenKeys(keySet: Array(text.utf8)) }
        }
        let usable = try await TokenKeys(keySet: TokenForge.keySet([symmetric, encryption, forge.edwardsKey]))
        #expect(usable.candidates(identifier: nil, algorithm: "HS256").isEmpty)
        #expect(usable.candidates(identifier: "ed", algorithm: "EdDSA").count == 1)
    }

    @Test func aNewKeyIsFetchedWhenATokenNamesIt() async throws {
        let old = TokenForge()
        let (first, second) = (TokenForge.keySet([old.ellipticKey]), forge.keySet)
        let count = Mutex(0)
        let source = TokenKeySource(pause: .zero) {
            let number = count.withLock { value in
                value += 1
                return value
            }
            return try await TokenKeys(keySet: number == 1 ? first : second)
        }
        let verifier = verifier(source)
        #expect(try await verifier.identity(of: try old.token()).user == "ann")
        #expect(count.withLock { $0 } == 1)
        let edwards = try forge.token(["alg": "EdDSA", "kid": "ed"], forge.claims) { text in
            Array(try forge.edwards.signature(for: text))
        }
        #expect(try await verifier.identity(of: edwards).user == "ann")
        #expect(count.withLock { $0 } == 2)
        #expect(await refusal(try old.token(), verifier) == .forged)
    }

    @Test func unknownKeysDoNotFloodTheIssuer() async throws {
        let keySet = forge.keySet
        let count = Mutex(0)
        let verifier = verifier(
            TokenKeySource(pause: .seconds(86_400)) {
                count.withLock { $0 += 1 }
                return try await TokenKeys(keySet: keySet)
            })
        for number in 0..<20 {
            _ = await refusal(try forge.token(["alg": "ES256", "kid": .string("k\(number)")]), verifier)
        }
        #expect(count.withLock { $0 } == 1)
    }

    // MARK: Requests

    private func status(
        _ client: any TestClientProtocol, _ headers: HTTPFields, label: String = "demo"
    ) async throws -> Answer {
        try await client.ask(.get, "universe", headers: headers, prefix: "/api/butler/repo/\(label)/v1/")
    }

    @Test func requestsNeedAGoodToken() async throws {
        let (forge, verifier) = (forge, verifier())
        try await withServer(access: .tokens(verifier)) { client in
            let good = try forge.token()
            for (value, expected) in [
                ("Bearer \(good)", 200), ("bearer \(good)", 200), (good, 401), ("Basic \(good)", 401), ("Bearer", 401),
                ("Bearer  \(good)", 401), ("Bearer x", 401),
                ("Bearer \(try forge.token(["alg": "ES256"], forge.claims("exp", 1)))", 401),
            ] {
                let answer = try await status(client, [.authorization: value])
                #expect(answer.status == expected, "\(value.prefix(30))")
                if expected == 401 {
                    #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Bearer") == true)
                    #expect(!answer.text.contains("iss") && !answer.text.contains("forged"))
                }
            }
            let none = try await status(client, [:])
            #expect(none.status == 401)
            var twice: HTTPFields = [.authorization: "Bearer \(good)"]
            twice.append(HTTPField(name: .authorization, value: "Bearer x"))
            #expect(try await status(client, twice).status == 401)
            // Without a token nobody learns which labels there are.
            #expect(try await status(client, [:], label: "nope").status == 401)
            #expect(try await status(client, [.authorization: "Bearer \(good)"], label: "nope").status == 404)
        }
    }

    @Test func groupsComeFromTheTokenAndHeadersAreNotBelieved() async throws {
        let (forge, verifier) = (forge, verifier())
        try await withServer(access: .tokens(verifier)) { client in
            func headers(_ groups: StructuredValue) throws -> HTTPFields {
                var fields: HTTPFields = [
                    .authorization: "Bearer \(try forge.token(["alg": "ES256"], forge.claims("groups", groups)))"
                ]
                fields[.xAuthRequestUser] = "root"
                fields[.xAuthRequestToken] = "x"
                return fields
            }
            #expect(try await status(client, try headers(["g_few"]), label: "closed").status == 200)
            let refused = try await status(client, try headers(["g_other"]), label: "closed")
            #expect(refused.status == 403)
            #expect(refused.text.contains("User ann does not have permission"))
            var identity: HTTPFields = [:]
            identity[.xAuthRequestUser] = "root"
            identity[.xAuthRequestToken] = "x"
            #expect(try await status(client, identity).status == 401)
        }
    }

    @Test func aTokenDecidesOnWhatIsVisible() async throws {
        let (forge, verifier) = (forge, verifier())
        let whole = try await VisibilityRepository.make()
        try await whole.protect()
        try await withServer(
            ServerSetup(access: .tokens(verifier)), repository: DirectRepository(butler: whole.butler)
        ) { client, _ in
            for (user, groups, visible) in [
                ("ann", [], ["u/ann/run", "u/bob/public"]), ("zoe", ["few"], ["g/few/run", "u/bob/shared"]),
            ] as [(String, [String], [String])] {
                var claims = forge.claims("sub", .string(user))
                claims["groups"] = .strings(groups)
                let token = try forge.token(["alg": "ES256"], claims)
                for name in VisibilityRepository.runs where name.contains("/") && !name.hasPrefix("open") {
                    let answer = try await client.ask(
                        .get, "collection_info?name=\(name)", headers: [.authorization: "Bearer \(token)"])
                    let isVisible = visible.contains(name) || ["empty/run", "u/bob/public"].contains(name)
                    #expect((answer.status == 200) == isVisible, "\(user) \(name)")
                }
            }
        }
    }

    // MARK: Settings

    @Test func settingsForTokensAreReadAndChecked() throws {
        func options(_ environment: [String: String]) throws -> ServeOptions {
            try ServeOptions(repositories: ["a=/x"], environment: environment)
        }
        let base = ["STEWARD_TOKEN_ISSUER": "i", "STEWARD_TOKEN_AUDIENCE": "a"]
        #expect(try options([:]).tokens == nil)
        for (value, keys) in [
            ("/k.json", ServeOptions.Tokens.Keys.file("/k.json")), ("https://i/keys", .url("https://i/keys")),
            ("http://127.0.0.1:9/keys", .url("http://127.0.0.1:9/keys")),
        ] {
            #expect(try options(base.merging(["STEWARD_TOKEN_KEY_SET": value]) { $1 }).tokens?.keys == keys)
        }
        for more in [
            [:], ["STEWARD_TOKEN_KEY_SET": "http://i/keys"], ["STEWARD_TOKEN_KEY_SET": "http://localhost:x@i/keys"],
            ["STEWARD_TOKEN_KEY_SET": "ftp://i/keys"], ["STEWARD_TOKEN_KEY_SET": "http://127.0.0.1.evil/keys"],
            ["STEWARD_TOKEN_KEY_SET": "/k.json", "STEWARD_TOKEN_SECRET_FILE": "/s"],
            ["STEWARD_TOKEN_SECRET_FILE": "/s", "STEWARD_TOKEN_ISSUER": ""],
            ["STEWARD_TOKEN_SECRET_FILE": "/s", "DAF_BUTLER_SERVER_GAFAELFAWR_URL": "https://g"],
        ] {
            #expect(throws: ServeError.self) { _ = try options(base.merging(more) { $1 }) }
        }
        let file = try ServeFile(
            path: "f", text: "tokens: {issuer: i, audience: a, secret_file: /s, user_claim: u, groups_claim: g}")
        let tokens = try #require(try ServeOptions(repositories: ["a=/x"], environment: [:], file: file).tokens)
        #expect(tokens.rules.userClaim == "u" && tokens.rules.groupsClaim == "g" && tokens.keys == .secretFile("/s"))
    }
}
