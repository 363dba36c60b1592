import ObjectStorage
import Testing

@testable import ImageTransfer

@Suite struct OutlookTests {
    private static func remote(_ status: Int, _ code: String = "") -> ObjectStorageError {
        .remote(path: "s3://b/k", operation: "write", status: status, code: code, message: "")
    }

    @Test(
        arguments: [
            (remote(503, "SlowDown"), .passing), (remote(507), .passing), (remote(529), .passing), (remote(500), .passing), (remote(429), .passing),
            (remote(409, "OperationAborted"), .passing),
            (.unreachable(path: "s3://b/k", operation: "write", reason: "x"), .passing),
            (.tooManyOpenFiles(path: "/f"), .passing),
            // Somebody may mend the bucket, its policy, the keys, the region, or the mode of the file.
            (remote(404, "NoSuchBucket"), .refused), (.notFound(path: "s3://b/k"), .refused), (remote(400), .refused),
            (remote(400, "ExpiredToken"), .refused), (remote(400, "AuthorizationHeaderMalformed"), .refused),
            (remote(403, "RequestTimeTooSkewed"), .refused), (remote(501, "NotImplemented"), .refused),
            (.permissionDenied(path: "s3://b/k", operation: "write"), .refused),
            (.permissionDenied(path: "/f", operation: "read"), .refused), (.changedWhileReading(path: "/f"), .refused),
            (.damaged(path: "s3://b/k", checksum: "x"), .refused),
            (.system(path: "/f", operation: "read", code: 5, message: "x"), .refused),
            (remote(400, "KeyTooLongError"), .hopeless), (remote(400, "InvalidURI"), .hopeless),
            (remote(413), .hopeless),
            (.heldByOther(path: "s3://b/k", source: "x"), .hopeless), (.newerThere(path: "s3://b/k"), .hopeless), (.notAFile(path: "/f"), .hopeless),
            (.notFound(path: "/f"), .gone),
        ] as [(ObjectStorageError, Outlook)])
    func whatHealsByItselfIsToldFromWhatDoesNot(error: ObjectStorageError, outlook: Outlook) {
        #expect(Outlook(error) == outlook)
    }

    @Test func errorsOfTheDaemonItself() {
        #expect(Outlook(DaemonError.outsideRoots(path: "/x")) == .hopeless)
        #expect(Outlook(CancellationError()) == .refused)
    }

    private func tries(_ outlooks: [Outlook]) -> Tries {
        outlooks.reduce(into: Tries()) { $0.add($1) }
    }

    @Test func refusalsAreTriedForTheirTimeAndHopelessOnesFiveTimes() {
        let five = Array(repeating: Outlook.refused, count: 5)
        #expect(!tries(five).areOver(patience: 100, age: 99) && tries(five).areOver(patience: 100, age: 100))
        // A few refusals long after the first one are not enough, nor are those before the store was out of reach.
        #expect(!tries(Array(five[..<4])).areOver(patience: 100, age: 1000))
        #expect(!tries(five + [.passing, .refused]).areOver(patience: 100, age: 1000))
        #expect(!tries(five + [.passing]).areOver(patience: 0, age: 1000))
        for outlook in [Outlook.hopeless, .gone] {
            #expect(!tries(Array(repeating: outlook, count: 4)).areOver(patience: 100, age: 1))
            #expect(tries(Array(repeating: outlook, count: 5)).areOver(patience: 100, age: 1))
            #expect(!tries(five + [outlook]).areOver(patience: 100, age: 1))
        }
        #expect(!tries(Array(repeating: .passing, count: 1000)).areOver(patience: 0, age: 1e9))
    }

    @Test func pausesGrow() {
        var tries = Tries()
        tries.add(.refused)
        #expect(tries.pause == 0.2)
        for _ in 0..<20 { tries.add(.refused) }
        #expect(tries.pause == 300)
        tries.add(.passing)
        #expect(tries.pause == 30)
    }
}
