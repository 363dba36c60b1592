import ArgumentParser
import Foundation
import ImageTransfer

/// `steward s3daemon`: sends files to object storage for cameras and others that write to local disks.
struct S3Daemon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "s3daemon",
        abstract: "Send local files to object storage, for senders of s3daemon and s3nd.",
        discussion: """
            Takes the requests of both programs on one port, and their environment variables: S3_ENDPOINT_URL or \
            S3ND_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, S3DAEMON_… and S3ND_…. A sender is answered \
            when the store has the file and its checksum agrees. What was accepted is kept in a spool and outlives the \
            process.
            """)

    @Option(help: "The address to listen on. (default: localhost)")
    var host: String?

    @Option(help: "The TCP port. (default: 15555)")
    var port: Int?

    @Option(help: "The address of the object storage.")
    var endpointURL: String?

    @Option(help: "The folder of the spool.", completion: .directory)
    var spool: String?

    @Option(help: "A YAML file with priorities, further destinations and folders to watch.", completion: .file())
    var config: String?

    func validate() throws {
        guard port.map((1...65535).contains) ?? true else { throw ValidationError("--port must be from 1 to 65535.") }
    }

    func run() async throws {
        var environment = ProcessInfo.processInfo.environment
        func set(_ names: [String], _ value: String?) {
            guard let value else { return }
            for name in names { environment[name] = value }
        }
        set(["S3ND_HOST", "S3DAEMON_HOST"], host)
        set(["S3ND_PORT", "S3DAEMON_PORT"], port.map(String.init))
        set([environment["S3ND_ENDPOINT_URL"] == nil ? "S3_ENDPOINT_URL" : "S3ND_ENDPOINT_URL"], endpointURL)
        set(["STEWARD_S3DAEMON_SPOOL"], spool)
        set(["STEWARD_S3DAEMON_CONFIG"], config)
        try await ImageTransferDaemon(DaemonSettings(environment: environment), version: Version.current).run()
    }
}
