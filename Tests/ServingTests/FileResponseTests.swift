import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import Serving

@Suite struct FileResponseTests {
    static let content = (0..<1000).map { UInt8($0 % 251) }

    private func withFile(
        _ bytes: [UInt8] = content, _ body: @escaping @Sendable (any TestClientProtocol, String) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(bytes, to: "data.bin")
        try await sampleService(file: path).application().test(.router) { try await body($0, path) }
        withExtendedLifetime(directory) {}
    }

    @Test func aWholeFileArrivesWithItsValidators() async throws {
        try await withFile { client, _ in
            let response = try await client.execute(uri: "/file", method: .get)
            #expect(response.status == .ok)
            #expect(Array(buffer: response.body) == Self.content)
            #expect(response.headers[.contentLength] == "1000")
            #expect(response.headers[.acceptRanges] == "bytes")
            #expect(response.headers[.eTag]?.hasPrefix("\"3e8-") == true)
            #expect(response.headers[.lastModified]?.hasSuffix(" GMT") == true)
            #expect(response.headers[HTTPField.Name("X-Content-Type-Options")!] == "nosniff")
            let head = try await client.execute(uri: "/file", method: .head, headers: [.range: "bytes=0-1"])
            #expect(head.status == .ok)
            #expect(head.headers[.contentLength] == "1000")
            #expect(head.body.readableBytes == 0)
        }
    }

    @Test(arguments: [
        ("bytes=0-0", 0..<1), ("bytes=10-19", 10..<20), ("bytes=990-", 990..<1000), ("bytes=-5", 995..<1000),
        ("bytes=-5000", 0..<1000), ("bytes=999-5000", 999..<1000), ("bytes=0-99999999999999999999", 0..<1000),
        ("Bytes = 3 - 4", 3..<5),
    ])
    func aRangeGivesThosebytes(header: String, expected: Range<Int>) async throws {
        try await withFile { client, _ in
            let response = try await client.execute(uri: "/file", method: .get, headers: [.range: header])
            #expect(response.status == .partialContent)
            #expect(Array(buffer: response.body) == Array(Self.content[expected]))
            #expect(
                response.headers[.contentRange] == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/1000")
            #expect(response.headers[.contentLength] == "\(expected.count)")
        }
    }

    @Test(arguments: ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
    func aRangeBeyondTheEndIsNotSatisfiable(header: String) async throws {
        try await withFile { client, _ in
            let response = try await client.execute(uri: "/file", method: .get, headers: [.range: header])
            #expect(response.status == .rangeNotSatisfiable)
            #expect(response.headers[.contentRange] == "bytes */1000")
            #expect(response.body.readableBytes == 0)
        }
    }

    @Test(arguments: ["bytes=5-2", "bytes=a-b", "bytes=", "lines=1-2", "bytes=0-1,5-6", "bytes=--1", "bytes=1"])
    func rangesThatAreNotUnderstoodAreIgnored(header: String) async throws {
        try await withFile { client, _ in
            let response = try await client.execute(uri: "/file", method: .get, headers: [.range: header])
            #expect(response.status == .ok)
            #expect(response.body.readableBytes == 1000)
        }
    }

    @Test func conditionsAreHonoured() async throws {
        try await withFile { client, path in
            let first = try await client.execute(uri: "/file", method: .get)
            let tag = try #require(first.headers[.eTag])
            let modified = try #require(first.headers[.lastModified])
            func status(_ headers: HTTPFields) async throws -> Int {
                try await client.execute(uri: "/file", method: .get, headers: headers).status.code
            }
            #expect(try await status([.ifNoneMatch: tag]) == 304)
            #expect(try await status([.ifNoneMatch: "\"x\", W/\(tag)"]) == 304)
            #expect(try await status([.ifNoneMatch: "*"]) == 304)
            #expect(try await status([.ifNoneMatch: "\"x\""]) == 200)
            #expect(try await status([.ifMatch: tag]) == 200)
            #expect(try await status([.ifMatch: "\"x\", \(tag)"]) == 200)
            #expect(try await status([.ifMatch: "*"]) == 200)
            #expect(try await status([.ifMatch: "\"x\""]) == 412)
            #expect(try await status([.ifMatch: "W/\(tag)"]) == 412)
            #expect(try await status([.ifModifiedSince: modified]) == 304)
            #expect(try await status([.ifModifiedSince: "Thu, 01 Jan 1970 00:00:00 GMT"]) == 200)
            #expect(try await status([.ifModifiedSince: "yesterday"]) == 200)
            #expect(try await status([.range: "bytes=0-1", .ifRange: tag]) == 206)
            #expect(try await status([.range: "bytes=0-1", .ifRange: modified]) == 206)
            #expect(try await status([.range: "bytes=0-1", .ifRange: "\"old\""]) == 200)
            #expect(try await status([.range: "bytes=0-1", .ifRange: "W/\(tag)"]) == 200)
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
            #expect(try await status([.ifNoneMatch: tag]) == 200)
        }
    }

    @Test func anEmptyFileIsServedAndHasNoRanges() async throws {
        try await withFile([]) { client, _ in
            let whole = try await client.execute(uri: "/file", method: .get)
            #expect(whole.status == .ok)
            #expect(whole.headers[.contentLength] == "0")
            let range = try await client.execute(uri: "/file", method: .get, headers: [.range: "bytes=0-0"])
            #expect(range.status == .rangeNotSatisfiable)
        }
    }

    @Test func missingFilesAndOddOnesAreNotServed() async throws {
        let directory = try TemporaryDirectory()
        try await sampleService(file: directory.path + "/none").application().test(.router) { client in
            let response = try await client.execute(uri: "/file", method: .get)
            #expect(response.status == .notFound)
        }
        let pipe = directory.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        for odd in [directory.path, pipe, "/dev/null"] {
            try await sampleService(file: odd).application().test(.router) { client in
                let response = try await client.execute(uri: "/file", method: .get)
                #expect(response.status == .internalServerError)
                #expect(!String(buffer: response.body).contains(directory.path))
            }
        }
    }

    @Test func aFileThatShrinksWhileItIsSentBreaksTheConnectionRatherThanThePromise() async throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([UInt8](repeating: 7, count: 1000), to: "shrinking")
        let file = try await OpenFile.open(path)
        #expect(truncate(path, 10) == 0)
        await #expect(throws: OpenFile.Failure.truncated) { try await file.read(0..<1000) }
        #expect(try await file.read(0..<10).readableBytes == 10)
    }

    @Test func aLongFileArrivesInChunksUnchanged() async throws {
        let directory = try TemporaryDirectory()
        let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        let path = try directory.write(bytes, to: "long")
        try await sampleService(file: path).application().test(.live) { client in
            let whole = try await client.execute(uri: "/file", method: .get)
            #expect(Array(buffer: whole.body) == bytes)
            let part = try await client.execute(uri: "/file", method: .get, headers: [.range: "bytes=262000-2621500"])
            #expect(Array(buffer: part.body) == Array(bytes[262000...2621500]))
        }
    }
}
