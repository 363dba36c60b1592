import Foundation
import StorageFaults

@testable import ObjectStorage

/// S3 services for tests: with the keys `AKIDTEST` and `SECRETTEST`, and a bucket named `bucket`.
enum S3Servers {
    static let keys = S3Credentials(accessKeyID: "AKIDTEST", secretAccessKey: "SECRETTEST")

    static func client(
        _ address: String, ownConnections: Bool = false, _ adjust: (inout HTTPSettings) -> Void = { _ in }
    ) throws -> S3Client {
        var settings = HTTPSettings()
        settings.retries = RetryPolicy(attempts: 5, base: .milliseconds(20), limit: .milliseconds(200))
        adjust(&settings)
        return S3Client(
            S3Service(endpoint: address, credentials: keys),
            transport: try HTTPTransport(settings, keepsOwnConnections: ownConnections))
    }

    static func store(_ address: String, _ root: String = "s3://bucket/some folder/") throws -> S3ObjectStore {
        try S3ObjectStore(root: ResourceURI(root), client: client(address))
    }

    static func makeBucket(_ address: String, _ name: String = "bucket") async throws {
        _ = try await client(address).perform(
            S3Client.Call(method: .PUT, bucket: name, operation: "make"), accepting: [409])
    }

    /// Keeps files on disk, checks signatures and digests; ignores `If-None-Match`.
    static func rclone(
        _ scratch: Scratch, port: Int? = nil, arguments: [String] = []
    ) async throws -> ServerProcess {
        try FileManager.default.createDirectory(
            atPath: scratch.path + "/rclone/bucket", withIntermediateDirectories: true)
        return try await ServerProcess(Tool.rclone ?? "rclone", port: port, log: scratch.path + "/rclone.log") { port in
            [
                "serve", "s3", "--addr", "127.0.0.1:\(port)", "--auth-key", "AKIDTEST,SECRETTEST", "--force-path-style",
                "--config", scratch.path + "/rclone.conf", scratch.path + "/rclone",
            ] + arguments
        }
    }

    /// The shapes of AWS, without checks.
    static func moto(_ scratch: Scratch) async throws -> ServerProcess {
        let server = try await ServerProcess(Tool.moto ?? "moto_server", log: scratch.path + "/moto.log") { port in
            ["-H", "127.0.0.1", "-p", "\(port)"]
        }
        try await makeBucket(server.address)
        return server
    }
}
