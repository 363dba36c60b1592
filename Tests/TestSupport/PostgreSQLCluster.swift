import Foundation
import Synchronization

/// A throwaway PostgreSQL server on the loopback interface, one for all tests of a run.
///
/// `STEWARD_TEST_POSTGRESQL` may name another, as `postgresql://user@host:port`, whose user may make databases. Without
/// it, and with `initdb` and `postgres` installed, the first use starts one in a temporary folder. It ends with this
/// process, however that ends.
public final class PostgreSQLCluster: Sendable {
    /// `postgresql://user@host:port`, without a database.
    public let url: String
    /// The folder of the server's programs; empty for a server that was given.
    public let programs: String
    private let folder: String
    private let keeper: Keeper?

    /// Safe to share as only ``deinit`` and the end of the process touch it after it was made.
    private final class Keeper: @unchecked Sendable {
        let process: Process
        let pipe: Pipe

        init(process: Process, pipe: Pipe) {
            self.process = process
            self.pipe = pipe
        }
    }

    /// Why there is none, for the reason of a skipped test.
    public static let reason = "PostgreSQL's server is not installed"

    /// Whether tests on PostgreSQL can run.
    public static var isAvailable: Bool {
        ProcessInfo.processInfo.environment["STEWARD_TEST_POSTGRESQL"] != nil || installation != nil
    }

    public static let shared = Result { try PostgreSQLCluster() }

    private static let installation: String? = {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap(Int.init).sorted()
        let folders = versions.reversed().map { "\(root)/\($0)/bin" } + ["/usr/local/pgsql/bin", "/opt/homebrew/bin"]
        return folders.first { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }
    }()

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private init() throws {
        if let given = ProcessInfo.processInfo.environment["STEWARD_TEST_POSTGRESQL"] {
            url = given
            programs = ""
            folder = ""
            keeper = nil
            return
        }
        guard let programs = Self.installation else { throw Failure(description: Self.reason) }
        self.programs = programs
        folder = FileManager.default.temporaryDirectory.appending(path: "postgresql-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let port = try Self.freePort()
        url = "postgresql://postgres@127.0.0.1:\(port)"
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        // The server ends when this process closes its end of the pipe, as it does also when it crashes.
        let script = """
            set -e
            cd "$1"
            as=""
            if [ "$(id -u)" = 0 ]; then as="runuser -u postgres --"; chown postgres "$1"; fi
            $as "$2/initdb" -D "$1/data" -A trust -U postgres -E UTF8 --locale=C --no-sync >initdb.log 2>&1
            $as "$2/pg_ctl" -D "$1/data" -w -l "$1/server.log" -o "-p $3 -c listen_addresses=127.0.0.1 \
            -c unix_socket_directories=$1 -c fsync=off -c max_connections=800 -c max_locks_per_transaction=256" \
            start >start.log 2>&1
            for database in template1 postgres; do
                $as "$2/psql" -h 127.0.0.1 -p "$3" -U postgres -d $database -c 'CREATE EXTENSION btree_gist' \
                    >extension.log 2>&1
            done
            echo ready
            read -r end || true
            $as "$2/pg_ctl" -D "$1/data" -m immediate stop >stop.log 2>&1
            cd /
            rm -rf "$1"
            """
        process.arguments = ["-c", script, "sh", folder, programs, String(port)]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let answer = try output.fileHandleForReading.nextBytes()
        guard String(decoding: answer, as: UTF8.self).hasPrefix("ready") else {
            throw Failure(description: "PostgreSQL did not start; see the logs in \(folder)")
        }
        keeper = Keeper(process: process, pipe: input)
    }

    private static func freePort() throws -> Int {
        #if canImport(Glibc)
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure(description: "no port is free") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    // MARK: Administration

    /// Runs statements as the server's owner, outside a transaction.
    @discardableResult
    public func administer(_ statements: String..., database: String = "postgres") throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", url + "/" + database]
            + statements.flatMap { ["-c", $0] }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = try output.fileHandleForReading.remainingText()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(description: text) }
        return text
    }

    private static let count = Atomic<Int>(0)

    /// A name for a schema or database that no other test of this run has.
    public static func freshName(_ purpose: String) -> String {
        "\(purpose)_\(getpid())_\(count.add(1, ordering: .relaxed).newValue)"
    }
}
