import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import StructuredData
import Synchronization
import Testing

@testable import Serving

/// A log that tests can read: its lines go to a file.
private final class LogFile: Sendable {
    let directory: TemporaryDirectory
    let path: String
    let descriptor: CInt

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path + "/log"
        descriptor = open(path, O_CREAT | O_WRONLY | O_APPEND, 0o600)
    }

    deinit { close(descriptor) }

    func logger(_ format: LogFormat, level: Logger.Level = .info) -> Logger {
        let output = LogOutput(descriptor: descriptor)
        var logger = Logger(label: "test") { LineLogHandler(label: $0, format: format, output: output) }
        logger.logLevel = level
        return logger
    }

    func lines() throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }
}

@Suite struct RequestLogTests {
    @Test func everyRequestIsOneJSONLine() async throws {
        let log = try LogFile()
        try await sampleService(logger: log.logger(.json)).application().test(.router) { client in
            _ = try await client.execute(
                uri: "/name/x?q=1", method: .get,
                headers: [.xButlerClientRequestID: "abc-1", .xAuthRequestUser: "alice"])
            _ = try await client.execute(uri: "/broken", method: .get)
            _ = try await client.execute(uri: "/", method: .get)
        }
        let lines = try log.lines().map { try StructuredValue(json: $0) }
        #expect(lines.count == 3)
        let first = try #require(lines.first)
        #expect(first["message"] == "request")
        #expect(first["method"] == "GET")
        #expect(first["path"] == "/name/x")
        #expect(first["status"] == 200)
        #expect(first["bytes"] == 3)
        #expect(first["user"] == "alice")
        #expect(first["client_request_id"] == "abc-1")
        #expect(first["request_id"]?.stringValue?.isEmpty == false)
        #expect(try #require(first["duration_ms"]?.numberValue) >= 0)
        // The cause of a failure is in the log, and only there.
        #expect(lines[1]["level"] == "error")
        #expect(lines[1]["error"]?.stringValue?.contains("/secret/path") == true)
        #expect(lines[2]["status"] == 500)
    }

    @Test func clientsCannotForgeLogLines() async throws {
        let log = try LogFile()
        log.logger(.line).info("request", metadata: ["user": "eve\n2026 info forged", "path": "/a b\u{1B}[2J\u{2028}"])
        let lines = try log.lines()
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(line.contains(#"user="eve\u{a}2026 info forged""#))
        #expect(line.contains(#"\u{1b}[2J\u{2028}"#))
    }

    @Test func nestedFieldsAreFlatInLines() async throws {
        let log = try LogFile()
        log.logger(.line).info("access", metadata: ["dataset": ["type": "bias", "id": "1"], "empty": ""])
        #expect(try log.lines().first?.hasSuffix(#" info access dataset.id=1 dataset.type=bias empty="""#) == true)
    }

    @Test func streamedBytesAreCountedAtTheEnd() async throws {
        let log = try LogFile()
        let path = try log.directory.write([UInt8](repeating: 1, count: 200_000), to: "file")
        try await sampleService(file: path, logger: log.logger(.json)).application().test(.live) { client in
            _ = try await client.execute(uri: "/file", method: .get)
            _ = try await client.execute(uri: "/file", method: .head)
        }
        let lines = try log.lines().map { try StructuredValue(json: $0) }
        #expect(lines.map { $0["bytes"] } == [200_000, 0])
    }
}
