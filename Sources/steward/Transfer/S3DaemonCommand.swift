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
            process. Requests that cannot arrive are set aside: see them with --list-set-aside, and have them \
            tried again when what was the matter is mended. The options of s3nd, which begin with one dash, are understood too.
            """)

    @Option(name: s3nd("host"), help: "The address to listen on. (default: localhost)")
    var host: String?

    @Option(name: s3nd("port"), help: "The TCP port. (default: 15555)")
    var port: Int?

    @Option(name: s3nd("endpoint-url"), help: "The address of the object storage.")
    var endpointURL: String?

    @Option(name: s3nd("queue-timeout"), help: ArgumentHelp(S3Daemon.instead("QUEUE_TIMEOUT"), visibility: .hidden))
    var queueTimeout: String?

    @Option(name: s3nd("upload-bwlimit"), help: ArgumentHelp(S3Daemon.instead("UPLOAD_BWLIMIT"), visibility: .hidden))
    var uploadBandwidth: String?

    @Option(
        name: s3nd("upload-max-parallel"),
        help: ArgumentHelp(S3Daemon.instead("UPLOAD_MAX_PARALLEL"), visibility: .hidden))
    var uploadParallel: String?

    @Option(name: s3nd("upload-partsize"), help: ArgumentHelp(S3Daemon.instead("UPLOAD_PARTSIZE"), visibility: .hidden))
    var uploadPartSize: String?

    @Option(name: s3nd("upload-timeout"), help: ArgumentHelp(S3Daemon.instead("UPLOAD_TIMEOUT"), visibility: .hidden))
    var uploadTimeout: String?

    @Option(name: s3nd("upload-tries"), help: ArgumentHelp(S3Daemon.instead("UPLOAD_TRIES"), visibility: .hidden))
    var uploadTries: String?

    @Option(
        name: s3nd("upload-write-buffer-size"),
        help: ArgumentHelp(S3Daemon.instead("UPLOAD_WRITE_BUFFER_SIZE"), visibility: .hidden))
    var uploadWriteBufferSize: String?

    @Flag(
        name: .customLong("version", withSingleDash: true),
        help: ArgumentHelp("Print the version.", visibility: .hidden))
    var showsVersion = false

    @Option(help: "The folder of the spool.", completion: .directory)
    var spool: String?

    @Option(help: "A YAML file with priorities, further destinations and folders to watch.", completion: .file())
    var config: String?

    @OptionGroup(title: "Requests that were set aside") var setAside: SetAsideOptions

    /// `--name`, and `-name` as s3nd has it.
    private static func s3nd(_ name: String) -> NameSpecification {
        [.customLong(name), .customLong(name, withSingleDash: true)]
    }

    private static func instead(_ variable: String) -> String { "As S3ND_\(variable)." }

    func validate() throws {
        guard port.map((1...65535).contains) ?? true else { throw ValidationError("--port must be from 1 to 65535.") }
    }

    func run() async throws {
        if showsVersion { return print(Version.current) }
        var environment = ProcessInfo.processInfo.environment
        func set(_ names: [String], _ value: String?) {
            guard let value else { return }
            for name in names { environment[name] = value }
        }
        set(["S3ND_HOST", "S3DAEMON_HOST"], host)
        set(["S3ND_PORT", "S3DAEMON_PORT"], port.map(String.init))
        set([environment["S3ND_ENDPOINT_URL"] == nil ? "S3_ENDPOINT_URL" : "S3ND_ENDPOINT_URL"], endpointURL)
        for (name, value) in [
            ("QUEUE_TIMEOUT", queueTimeout), ("UPLOAD_BWLIMIT", uploadBandwidth),
            ("UPLOAD_MAX_PARALLEL", uploadParallel), ("UPLOAD_PARTSIZE", uploadPartSize),
            ("UPLOAD_TIMEOUT", uploadTimeout), ("UPLOAD_TRIES", uploadTries),
            ("UPLOAD_WRITE_BUFFER_SIZE", uploadWriteBufferSize),
        ] { set(["S3ND_" + name], value) }
        set(["STEWARD_S3DAEMON_SPOOL"], spool)
        set(["STEWARD_S3DAEMON_CONFIG"], config)
        if let action = setAside.action {
            return try await setAside.run(action, spool: DaemonSettings.spool(environment))
        }
        try await ImageTransferDaemon(DaemonSettings(environment: environment), version: Version.current).run()
    }
}
