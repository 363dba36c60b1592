import Foundation
import NIOCore
import NIOPosix

/// A real server on a free port of 127.0.0.1. Call `stop()` in a `defer`; it is stopped by its process id.
public final class ServerProcess: @unchecked Sendable {  // `process` is only used by `init` and `stop`, of one test.
    public let port: Int
    private let process: Process
    private let log: URL

    public var address: String { "http://127.0.0.1:\(port)" }

    /// Starts a program and waits until its port takes connections.
    public init(
        _ program: String, port: Int? = nil, log: String, _ arguments: (Int) throws -> [String]
    ) async throws {
        let port = try port ?? Self.freePort()
        self.port = port
        self.log = URL(fileURLWithPath: log)
        FileManager.default.createFile(atPath: log, contents: nil)
        process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = try arguments(port)
        let output = try FileHandle(forWritingTo: self.log)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        for _ in 0..<600 {
            guard process.isRunning else { break }
            if Self.answers(port) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        stop()
        throw ServerFailure(program: program, log: (try? String(contentsOf: self.log, encoding: .utf8)) ?? "")
    }

    public func stop() {
        guard process.isRunning else { return }
        process.terminate()
        for _ in 0..<40 where process.isRunning { Thread.sleep(forTimeInterval: 0.05) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    public static func freePort() throws -> Int {
        let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).wait()
        defer { try? channel.close().wait() }
        return channel.localAddress?.port ?? 0
    }

    static func answers(_ port: Int) -> Bool {
        guard
            let channel = try? ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).wait()
        else { return false }
        try? channel.close().wait()
        return true
    }
}

public struct ServerFailure: Error, CustomStringConvertible {
    let program: String
    let log: String

    public init(program: String, log: String) {
        self.program = program
        self.log = log
    }

    public var description: String { "\(program) did not start: \(log.suffix(2000))" }
}

/// Programs that tests need, from the folder `bin` of `STEWARD_STORAGE_TOOLS` or from the `PATH`.
public enum Tool {
    public static func path(_ name: String) -> String? {
        let environment = ProcessInfo.processInfo.environment
        var folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        if let tools = environment["STEWARD_STORAGE_TOOLS"] { folders.insert(tools + "/bin", at: 0) }
        return folders.map { $0 + "/" + name }.first {
            // A shim that stands for a program which is not there looks like the program.
            FileManager.default.isExecutableFile(atPath: $0) && !$0.contains("/shims/")
        }
    }

    public static let rclone = path("rclone")
    public static let moto = path("moto_server")
    public static let wsgidav = path("wsgidav")
    public static let nginx = path("nginx")
    public static let ceph = path("radosgw") != nil && path("ceph-mon") != nil && path("ceph-osd") != nil
}
