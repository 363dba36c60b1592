import Foundation
import StorageFaults
import TestSupport

/// The object gateway of Ceph with a store in memory: what the observatory's data facility runs.
final class CephGateway: @unchecked Sendable {  // Used by one test.
    private var processes: [ServerProcess] = []
    let address: String

    init(_ scratch: Scratch) async throws {
        let base = scratch.path + "/ceph"
        for folder in ["mon", "osd", "rgw", "run"] {
            try FileManager.default.createDirectory(
                atPath: "\(base)/\(folder)", withIntermediateDirectories: true)
        }
        let (monitor, gateway) = (try ServerProcess.freePort(), try ServerProcess.freePort())
        let cluster = UUID().uuidString.lowercased()
        let configuration = base + "/ceph.conf"
        try """
        [global]
        fsid = \(cluster)
        mon host = v1:127.0.0.1:\(monitor)
        auth cluster required = none
        auth service required = none
        auth client required = none
        osd pool default size = 1
        osd pool default min size = 1
        osd pool default pg num = 4
        osd crush chooseleaf type = 0
        mon allow pool size one = true
        ms bind msgr2 = false
        public addr = 127.0.0.1
        cluster addr = 127.0.0.1
        run dir = \(base)/run
        admin socket = \(base)/run/$name.asok
        log file = \(base)/$name.log
        [mon.a]
        mon data = \(base)/mon/data
        [osd.0]
        osd data = \(base)/osd
        osd objectstore = memstore
        memstore device bytes = 1073741824
        osd class update on start = false
        osd crush update on start = false
        [client.rgw]
        rgw data = \(base)/rgw
        rgw frontends = beast endpoint=127.0.0.1:\(gateway)

        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        address = "http://127.0.0.1:\(gateway)"
        do {
            try Self.run(
                "monmaptool", "--create", "--fsid", cluster, "--addv", "a", "v1:127.0.0.1:\(monitor)", base + "/monmap")
            try Self.run(
                "ceph-mon", "-c", configuration, "--mkfs", "-i", "a", "--monmap", base + "/monmap", "--keyring",
                "/dev/null")
            processes.append(
                try await ServerProcess(Tool.path("ceph-mon") ?? "", port: monitor, log: base + "/mon.out") { _ in
                    ["-c", configuration, "-i", "a", "-f"]
                })
            let disk = UUID().uuidString.lowercased()
            // The monitor takes connections before it has formed its quorum of one, and refuses them at first.
            try await Self.repeating { try Self.run("ceph", "-c", configuration, "osd", "new", disk, "0") }
            try Self.run("ceph", "-c", configuration, "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=h")
            try Self.run("ceph-osd", "-c", configuration, "-i", "0", "--mkfs", "--osd-uuid", disk)
            // It has no port that is known beforehand: the gateway below waits for it.
            processes.append(
                try await ServerProcess(Tool.path("ceph-osd") ?? "", port: monitor, log: base + "/osd.out") { _ in
                    ["-c", configuration, "-i", "0", "-f"]
                })
            try Self.run(
                "radosgw-admin", "-c", configuration, "user", "create", "--uid=t", "--display-name=T",
                "--access-key=AKIDTEST", "--secret-key=SECRETTEST")
            processes.append(
                try await ServerProcess(Tool.path("radosgw") ?? "", port: gateway, log: base + "/rgw.out") { _ in
                    ["-c", configuration, "-n", "client.rgw", "-f"]
                })
            try await S3Servers.makeBucket(address)
        } catch {
            stop()
            throw error
        }
    }

    func stop() {
        for process in processes.reversed() { process.stop() }
        processes = []
    }

    private static func repeating(_ body: () throws -> Void) async throws {
        for _ in 0..<20 {
            do { return try body() } catch is ServerFailure { try await Task.sleep(for: .milliseconds(500)) }
        }
        try body()
    }

    private static func run(_ name: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Tool.path(name) ?? name)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = try output.fileHandleForReading.remainingText()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ServerFailure(program: name, log: text) }
    }
}
