import Foundation
import ObjectStorage
import Serving
import Testing

@testable import ButlerServer

@Suite struct NearCopiesTests {
    private func options(_ text: String) throws -> ServeOptions {
        try ServeOptions(repositories: ["a=/x"], environment: ["STEWARD_NEAR_COPIES": text])
    }

    @Test func foldersAndAddressesAreRead() throws {
        let options = try options(#"{"s3://b/f": "http://cache:1", "https://host/g/": "https://cache/x/"}"#)
        #expect(
            options.nearCopies == [
                .init(origin: try ResourceURI("s3://b/f/"), address: "http://cache:1/"),
                .init(origin: try ResourceURI("https://host/g/"), address: "https://cache/x/"),
            ])
        #expect(options.nearCopiesSecretFile == nil)
    }

    @Test(arguments: [
        "x", "[]", #"{"s3://b/f": 1}"#, #"{"s3://b/f": "cache"}"#, #"{"/f": "http://cache"}"#,
        #"{"f": "http://cache"}"#, #"{"s3://b/f": "http://cache/?x"}"#,
    ])
    func otherTextsAreRefused(text: String) { #expect(throws: ServeError.self) { try options(text) } }

    @Test func aCacheThatDoesNotAnswerIsLeftOut() async throws {
        let near = NearCopies([.init(origin: try ResourceURI("s3://b/f/"), address: "http://127.0.0.1:1")], secret: nil)
        await near.prepare()
        #expect(near.url(of: try ResourceURI("s3://b/f/x.fits"), expires: 1) == nil)
    }

    @Test func signaturesAreForOnePathAndTime() throws {
        let signer = PathSigner(secret: Array("sixteen letters!".utf8), purpose: PathSigner.nearCopies)
        let query = try QueryString(signer.query(for: "run/é.fits", expires: 1000))
        try signer.check("run/é.fits", query, now: 1000)
        #expect(throws: HTTPFailure.self) { try signer.check("run/e.fits", query, now: 1000) }
        #expect(throws: HTTPFailure.self) { try signer.check("run/é.fits", query, now: 1061) }
        #expect(throws: HTTPFailure.self) { try signer.check("run/é.fits", try QueryString(""), now: 1) }
        let other = PathSigner(secret: Array("sixteen letters?".utf8), purpose: PathSigner.nearCopies)
        #expect(throws: HTTPFailure.self) { try other.check("run/é.fits", query, now: 1000) }
    }
}
