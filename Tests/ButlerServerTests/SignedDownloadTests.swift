import ButlerModel
import ByteText
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Serving
import StructuredData
import Synchronization
import Testing

@testable import ButlerServer

/// Download URLs of the server itself, asked without any identity behind an ingress.
@Suite struct SignedDownloadTests {
    private static let secret = Array("a secret of tests".utf8)
    private static let start: Int64 = 1_700_000_000

    private static func signer(_ seconds: Int64 = 0, secret: [UInt8] = secret) -> DownloadSigner {
        DownloadSigner(secret: secret, lifetime: 3600, now: { start + seconds })
    }

    /// Nobody is let in without a signature.
    private struct Nobody: GroupDirectory {
        func groups(of _: DelegatedIdentity) async throws -> Set<ExactName> { [] }
    }

    private static func setup(_ signer: DownloadSigner = signer()) -> ServerSetup {
        ServerSetup(access: .ingress(groups: Nobody()), signer: signer)
    }

    private static func target(
        _ name: String, dataset: String = "\(FixtureRepository.whole)", component: String? = nil, label: String = "demo"
    ) -> DownloadTarget {
        DownloadTarget(label: label, dataset: dataset, fileName: name, component: component)
    }

    private static func url(_ target: DownloadTarget, _ signer: DownloadSigner = signer()) -> String {
        "\(target.path)?\(signer.query(for: target))"
    }

    private static let whole = target("settings é 1.json")
    private static let right = target("bias.right.yaml", dataset: "\(FixtureRepository.parts)", component: "right")

    @Test func aSignedURLNeedsNothingElse() async throws {
        try await withServer(Self.setup()) { client, _ async throws in
            let url = Self.url(Self.whole)
            let file = try await client.ask(.get, url, prefix: "")
            #expect(file.status == 200 && file.text == #"{"gain": 1.5}"#)
            let head = try await client.ask(.head, url, prefix: "")
            #expect(head.status == 200 && head.headers[.contentLength] == "13" && head.text.isEmpty)
            let part = try await client.ask(.get, url, headers: [.range: "bytes=1-6"], prefix: "")
            #expect(part.status == 206 && part.text == #""gain""#)
            #expect(part.headers[.contentRange] == "bytes 1-6/13")
            let component = try await client.ask(.get, Self.url(Self.right), prefix: "")
            #expect(component.text == "side: right\n")
            let zip = Self.target("b.zip", dataset: "\(FixtureRepository.member)")
            #expect(try await client.ask(.get, Self.url(zip), prefix: "").text == "PK not really")
            // It opens that one file, nothing beside it.
            for path in ["\(FixtureRepository.whole)/download", "\(FixtureRepository.whole)"] {
                let query = url.drop { $0 != "?" }
                #expect(try await client.get("dataset/\(path)\(query)").status == 403)
            }
            #expect(try await client.ask(.post, url, prefix: "").status == 405)
            // A repository that is closed to all others.
            let closed = Self.url(Self.target("settings é 1.json", label: "closed"))
            #expect(try await client.ask(.get, closed, prefix: "").status == 200)
        }
    }

    @Test func theSpellingDoesNotMatter() async throws {
        try await withServer(Self.setup()) { client, _ async throws in
            let url = Self.url(Self.right)
            for (from, to) in [
                ("bias.right", "bia%73.right"), ("component=", "c%6Fmponent="), ("=right", "=r%69ght"),
                ("/demo/", "/dem%6f/"), ("?component", "?other=1&component"),
            ] {
                let other = url.replacing(from, with: to)
                #expect(other != url)
                #expect(try await client.ask(.get, other, prefix: "").status == 200, "\(other)")
            }
        }
    }

    @Test(arguments: [
        // Another file, component, dataset, label or time than was signed.
        ("bias.right.yaml", "bias.left.yaml"), ("component=right", "component=left"), ("component=right&", ""),
        ("component=right", "component="), ("component=right&", "component=right&component=left&"),
        ("\(FixtureRepository.parts)", "\(FixtureRepository.whole)"), ("/demo/", "/closed/"),
        ("/demo/", "/n%C3%A9%20w/"), ("Expires=1700003600", "Expires=1700003601"),
        ("Expires=1700003600", "Expires=01700003600"), ("Expires=1700003600", "Expires=+1700003600"),
        ("Expires=1700003600", "Expires=1700003600.0"), ("Expires=1700003600", "Expires=9999999999999999999999"),
        ("Expires=1700003600", "Expires=-1"), ("Expires=1700003600", "Expires="), ("Expires=1700003600&", ""),
        ("Expires=1700003600&", "Expires=1700003600&Expires=1900000000&"),
        ("Expires=1700003600", "Expires=1700003600%0A"), ("Expires=1700003600", "Expires=%D9%A1700003600"),
        // Other texts in place of the signature.
        ("Signature=", "Signature=00"), ("Signature=", "Signature=x"), ("&Signature=", "&Signature=&ignored="),
        ("&Signature=", "&signature="), ("&Signature=", "&Signature=%00"), ("bias.right.yaml", "bias.right.yam%6c%00"),
    ])
    func whatWasSignedCannotBeAltered(from: String, to: String) async throws {
        try await withServer(Self.setup()) { client, _ async throws in
            let altered = Self.url(Self.right).replacing(from, with: to)
            #expect(altered != Self.url(Self.right))
            for method in [HTTPRequest.Method.get, .head] {
                let answer = try await client.ask(method, altered, prefix: "")
                #expect([403, 404].contains(answer.status), "\(altered)")
                #expect(!answer.text.contains("side"))
            }
        }
    }

    /// The ingress may let everyone through to these URLs, and then removes nothing that a client sends.
    @Test func inventedIdentityHeadersOpenNoFileOnTheAnonymousPath() async throws {
        let headers: HTTPFields = [.init("X-Auth-Request-User")!: "a", .init("X-Auth-Request-Token")!: "t"]
        try await withServer(Self.setup()) { client, _ async throws in
            for path in [Self.whole.path, "\(Self.right.path)?component=right"] {
                let invented = try await client.ask(.get, path, headers: headers, prefix: "")
                #expect(invented.status == 403)
                #expect(try invented.json()["detail"]?.stringValue?.contains("signature") == true)
                #expect(try await client.ask(.get, path, prefix: "").status == 403)
            }
            let download = "/api/butler/repo/demo/v1/dataset/\(FixtureRepository.whole)/download"
            #expect(try await client.ask(.get, download, headers: headers, prefix: "").status == 200)
        }
    }

    @Test func aBrokenSignatureDoesNotFallBackToIdentity() async throws {
        let headers: HTTPFields = [.init("X-Auth-Request-User")!: "a", .init("X-Auth-Request-Token")!: "t"]
        try await withServer(Self.setup()) { client, _ async throws in
            let forged = "\(Self.whole.path)?Expires=1900000000&Signature=00"
            #expect(try await client.ask(.get, forged, headers: headers, prefix: "").status == 403)
        }
    }

    @Test(arguments: [
        (Int64(0), 200), (3599, 200), (3600, 200), (3660, 200), (3661, 403), (1_000_000, 403),
        // The clock of the server that signed may be ahead.
        (-60, 200), (-3600, 200),
    ])
    func urlsExpireAndAMinuteIsTolerated(seconds: Int64, status: Int) async throws {
        let url = Self.url(Self.whole)
        try await withServer(Self.setup(Self.signer(seconds))) { client, _ async throws in
            let answer = try await client.ask(.get, url, prefix: "")
            #expect(answer.status == status)
            if status == 403 { #expect(answer.text.contains("expired")) }
        }
    }

    @Test func anotherSecretSignsNothingHere() async throws {
        let foreign = [
            Self.signer(secret: Array("another secret".utf8)), DownloadSigner(lifetime: 3600, now: { Self.start }),
        ]
        try await withServer(Self.setup()) { client, _ async throws in
            for signer in foreign {
                #expect(try await client.ask(.get, Self.url(Self.whole, signer), prefix: "").status == 403)
            }
        }
    }

    @Test func handedOutURLsAreThoseThatWork() async throws {
        let setup = ServerSetup(signer: Self.signer())
        let handedOut = Mutex<[String]>([])
        try await withServer(setup, live: true) { client, _ async throws in
            for id in [FixtureRepository.whole, FixtureRepository.parts, FixtureRepository.member] {
                let infos = try await client.get("get_file/\(id)").json()["artifact"]?["file_info"]?.arrayValue ?? []
                for info in infos {
                    let url = try #require(info["url"]?.stringValue)
                    let path = url[try #require(url.firstRange(of: "/api/")).lowerBound...].prefix { $0 != "#" }
                    handedOut.withLock { $0.append(String(path)) }
                }
            }
        }
        let urls = handedOut.withLock { $0 }
        #expect(urls.count == 4)
        try await withServer(Self.setup()) { client, _ async throws in
            for url in urls { #expect(try await client.ask(.get, url, prefix: "").status == 200, "\(url)") }
        }
    }
}
