import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import StructuredData

@testable import Serving

/// A directory that vanishes with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "serving-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }
}

struct OwnError: Error {}

/// A service with one route of each kind.
func sampleService(
    file: String = "/nonexistent", options: ServingOptions = ServingOptions(port: 0, maximumBodyBytes: 1000),
    logger: Logger? = nil
) -> HTTPService {
    HTTPService(
        name: "sample", options: options, logger: logger ?? Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        translate: { $0 is OwnError ? .json(["error_type": "own"], status: .unprocessableContent) : nil }
    ) { routes in
        routes.add("/", [.get: { _, _ in .json(["name": "sample"]) }])
        routes.add(
            "/echo",
            [
                .post: { request, _ in
                    .json(try await request.jsonDocument(limit: 1000))
                }
            ])
        routes.add("/name/{name}", [.get: { _, context in .json(.string(try context.segment("name"))) }])
        routes.add("/flag", [.get: { request, _ in .json(.bool(try QueryString(request).flag("on"))) }])
        routes.add("/own", [.get: { _, _ in throw OwnError() }])
        routes.add("/broken", [.get: { _, _ in throw FileAccessError(path: "/secret/path", failure: .notRegular) }])
        let serve: RouteHandler = { request, _ in try await .file(at: file, for: request) }
        routes.add("/file", [.get: serve, .head: serve])
        routes.add(
            "/slow",
            [
                .get: { _, _ in
                    Response(
                        status: .ok,
                        body: ResponseBody(contentLength: 4) { writer in
                            try await writer.write(ByteBuffer(string: "ab"))
                            try await Task.sleep(for: .milliseconds(700))
                            try await writer.write(ByteBuffer(string: "cd"))
                            try await writer.finish(nil)
                        })
                }
            ])
    }
}

func json(_ response: TestResponse) throws -> StructuredValue {
    try StructuredValue(json: response.body.readableBytesView)
}
