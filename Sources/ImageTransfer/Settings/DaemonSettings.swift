import Foundation
import ObjectStorage

/// What the daemon is told: the environment variables of both programs that it replaces, and those of its own.
///
/// - `S3ND_ENDPOINT_URL` or `S3_ENDPOINT_URL`, `AWS_…`: where files go; see `S3Services` for the keys.
/// - `S3ND_HOST`, `S3DAEMON_HOST` (localhost), `S3ND_PORT`, `S3DAEMON_PORT` (15555).
/// - `S3ND_UPLOAD_MAX_PARALLEL` (100), `S3DAEMON_MAX_CONNECTIONS` (25): files at a time.
/// - `S3ND_UPLOAD_TIMEOUT`, `S3ND_QUEUE_TIMEOUT` (10s each): of one attempt, and of waiting for one.
/// - `S3ND_UPLOAD_TRIES` (1), `S3DAEMON_MAX_RETRIES` (2): attempts in all. `S3DAEMON_CONNECT_TIMEOUT` (5 s).
/// - `S3ND_UPLOAD_PARTSIZE` (5Mi): larger files are sent in parts. Without it, parts have 16 MiB.
/// - `S3ND_UPLOAD_BWLIMIT` (0: none): bits a second.
/// - `S3DAEMON_MAX_CLIENTS` (4096 here): connections that wait; more are not accepted for the time being.
/// - `S3DAEMON_ACCEPT_WAIT` means nothing here: nothing is polled for.
/// - `S3DAEMON_LOG`: a file for log lines; else they go to standard error.
/// - `STEWARD_S3DAEMON_SPOOL`: the folder of the spool. `STEWARD_S3DAEMON_SPOOL_LIMIT` (100000): files in it.
/// - `STEWARD_S3DAEMON_ROOTS`: folders, with colons between, that files may be sent from; all without it.
/// - `STEWARD_S3DAEMON_SET_ASIDE_AFTER` (24h): how long requests are tried that the store refuses.
/// - `STEWARD_S3DAEMON_GRACE` (30s): for what is being sent when the daemon is stopped.
/// - `STEWARD_S3DAEMON_CONFIG`: a YAML file; see ``TransferRules``.
public struct DaemonSettings: Sendable {
    /// The log and the names of settings are those of the program whose variables are set.
    public enum Style: Sendable { case s3daemon, s3nd }

    public var style: Style
    public var host: String
    public var port: Int
    public var endpoint: String
    public var parallel: Int
    public var tries: Int
    public var uploadTimeout: Double
    public var queueTimeout: Double
    public var connectTimeout: Double
    public var partSize: Int64
    /// Bits a second; 0 for no limit.
    public var bandwidth: Int64
    public var writeBufferSize: Int64
    public var clients: Int
    public var logFile: String?
    public var spool: String
    public var spoolLimit: Int
    public var roots: [String]
    public var grace: Double
    /// Seconds for which a request is tried that is refused.
    public var patience: Double
    public var rules: TransferRules
    public var environment: [String: String]

    /// The largest number that a setting can be.
    private static let most = 1_000_000_000

    /// - Throws: ``DaemonError/missingSetting(_:)``, ``DaemonError/badSetting(name:value:expected:)``,
    ///   ``DaemonError/badFile(path:reason:)``.
    public init(environment: [String: String]) throws(DaemonError) {
        func text(_ names: String...) -> String? {
            names.lazy.compactMap { environment[$0].flatMap { $0.isEmpty ? nil : $0 } }.first
        }
        /// Numbers that are none, and zero, mean the default, as in the programs before.
        func count(_ name: String) -> Int? {
            text(name).flatMap { Int($0) }.flatMap { $0 > 0 ? min($0, Self.most) : nil }
        }
        func duration(_ name: String, _ usual: Double) throws(DaemonError) -> Double {
            guard let value = text(name) else { return usual }
            guard let seconds = GoText.seconds(value), seconds >= 0 else {
                throw .badSetting(name: name, value: value, expected: "a duration such as 10s or 500ms")
            }
            return seconds
        }
        func quantity(_ name: String, _ usual: Int64) throws(DaemonError) -> Int64 {
            guard let value = text(name) else { return usual }
            guard let number = GoText.quantity(value), number >= 0 else {
                throw .badSetting(name: name, value: value, expected: "a quantity such as 5Mi or 100M")
            }
            return number
        }
        self.environment = environment
        style = text("S3ND_ENDPOINT_URL") != nil ? .s3nd : .s3daemon
        guard let endpoint = text("S3ND_ENDPOINT_URL", "S3_ENDPOINT_URL") else {
            throw .missingSetting("S3_ENDPOINT_URL or S3ND_ENDPOINT_URL")
        }
        self.endpoint = endpoint
        host = text("S3ND_HOST", "S3DAEMON_HOST") ?? "localhost"
        port = Self.port(environment)
        guard port <= Int(UInt16.max) else {
            let name = environment["S3ND_PORT"] == nil ? "S3DAEMON_PORT" : "S3ND_PORT"
            throw .badSetting(name: name, value: environment[name] ?? "", expected: "a port from 1 to 65535")
        }
        parallel = count("S3ND_UPLOAD_MAX_PARALLEL") ?? count("S3DAEMON_MAX_CONNECTIONS") ?? (style == .s3nd ? 100 : 25)
        tries = count("S3ND_UPLOAD_TRIES") ?? count("S3DAEMON_MAX_RETRIES") ?? (style == .s3nd ? 1 : 2)
        uploadTimeout = try duration("S3ND_UPLOAD_TIMEOUT", style == .s3nd ? 10 : 60)
        queueTimeout = try duration("S3ND_QUEUE_TIMEOUT", 10)
        let connecting = text("S3DAEMON_CONNECT_TIMEOUT").flatMap { Double($0) } ?? 0
        connectTimeout = connecting > 0 ? min(connecting, 86_400) : 5
        let isNamed = text("S3ND_UPLOAD_PARTSIZE") != nil
        partSize = try quantity("S3ND_UPLOAD_PARTSIZE", 5 << 20)
        if !isNamed, style == .s3daemon { partSize = S3Client.partThreshold }
        bandwidth = try quantity("S3ND_UPLOAD_BWLIMIT", 0)
        writeBufferSize = try quantity("S3ND_UPLOAD_WRITE_BUFFER_SIZE", 64 << 10)
        clients = count("S3DAEMON_MAX_CLIENTS") ?? 4096
        logFile = text("S3DAEMON_LOG")
        spoolLimit = count("STEWARD_S3DAEMON_SPOOL_LIMIT") ?? 100_000
        roots = (text("STEWARD_S3DAEMON_ROOTS") ?? "").split(separator: ":").map(String.init)
        grace = try duration("STEWARD_S3DAEMON_GRACE", 30)
        patience = try duration("STEWARD_S3DAEMON_SET_ASIDE_AFTER", 86_400)
        spool = Self.spool(environment)
        rules =
            try text("STEWARD_S3DAEMON_CONFIG").map { path throws(DaemonError) in try TransferRules(file: path) }
            ?? TransferRules()
    }

    /// How many connections may be open so that there is room for files and for connections to stores.
    /// - Parameter openFiles: how many files and sockets the process may have.
    func clients(openFiles: Int) -> Int {
        // A file that is sent takes itself and a connection, and another may be kept.
        let (others, overflow) = (1 + rules.destinations.count).multipliedReportingOverflow(by: 3 * min(parallel, 1 << 20))
        guard !overflow else { return min(clients, max(1, openFiles / 8)) }
        return min(clients, max(1, openFiles / 8, openFiles - 64 - others))
    }

    private static func port(_ environment: [String: String]) -> Int {
        func port(_ name: String) -> Int? {
            environment[name].flatMap { Int($0) }.flatMap { $0 > 0 ? min($0, most) : nil }
        }
        return port("S3ND_PORT") ?? port("S3DAEMON_PORT") ?? 15555
    }

    /// The folder of the spool.
    public static func spool(_ environment: [String: String]) -> String {
        func text(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let folder = text("STEWARD_S3DAEMON_SPOOL") { return folder }
        let state = text("XDG_STATE_HOME") ?? text("HOME").map { $0 + "/.local/state" } ?? "/var/tmp"
        return "\(state)/steward-s3daemon-\(port(environment))"
    }

    /// What a file in a watched folder is to stores: where it is, and on which machine.
    func source(_ file: String) -> String { "\(Self.machine):\(file)" }

    private static let machine = ProcessInfo.processInfo.hostName

    /// The address of the service without the keys that it may have.
    var shownEndpoint: String {
        let start = endpoint.firstRange(of: "://")?.upperBound ?? endpoint.startIndex
        let end = endpoint[start...].firstIndex { "/?#".contains($0) } ?? endpoint.endIndex
        guard let at = endpoint[start..<end].lastIndex(of: "@") else { return endpoint }
        return String(endpoint[..<start] + endpoint[endpoint.index(after: at)...])
    }

    /// The ten variables of the newer program, as it reports them.
    var reported: [(String, String)] {
        [
            ("S3ND_ENDPOINT_URL", shownEndpoint), ("S3ND_HOST", host), ("S3ND_PORT", String(port)),
            ("S3ND_QUEUE_TIMEOUT", GoText.duration(queueTimeout)), ("S3ND_UPLOAD_BWLIMIT", String(bandwidth)),
            ("S3ND_UPLOAD_MAX_PARALLEL", String(parallel)), ("S3ND_UPLOAD_PARTSIZE", String(partSize)),
            ("S3ND_UPLOAD_TIMEOUT", GoText.duration(uploadTimeout)), ("S3ND_UPLOAD_TRIES", String(tries)),
            ("S3ND_UPLOAD_WRITE_BUFFER_SIZE", String(writeBufferSize)),
        ]
    }
}
