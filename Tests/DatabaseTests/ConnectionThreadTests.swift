import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Database

/// The threads of connections to servers.
@Suite(.timeLimit(.minutes(10))) struct ConnectionThreadTests {
    @Test func whatIsGivenToOneRunsThereInTurn() async throws {
        let thread = try ConnectionThread(for: "test")
        let seen = Mutex<[(number: Int, thread: pthread_t)]>([])
        for number in 0..<100 {
            thread.run { seen.withLock { $0.append((number, pthread_self())) } }
        }
        await withCheckedContinuation { continuation in
            thread.run { continuation.resume() }
        }
        let (numbers, threads) = seen.withLock { ($0.map(\.number), Set($0.map(\.thread))) }
        #expect(numbers == Array(0..<100))
        #expect(threads.count == 1)
    }

    @Test func oneThatIsEndedFinishesWhatItHasAndTakesNoMore() async throws {
        let thread = try ConnectionThread(for: "test")
        let hold = DispatchSemaphore(value: 0)
        thread.run { hold.wait() }
        await withCheckedContinuation { continuation in
            thread.run { continuation.resume() }
            thread.end()
            #expect(!thread.run { Issue.record("it has ended") })
            hold.signal()
        }
    }

    @Test func oneThatNobodyHasAnyMoreEnds() async throws {
        final class Mark: Sendable {}
        weak var mark: Mark?
        do {
            let (thread, held) = (try ConnectionThread(for: "test"), Mark())
            mark = held
            thread.run { _ = held }
        }
        while mark != nil { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// On threads of libdispatch, which adds one in a second, the first would be given up before all have begun.
    @Test(.enabled(if: PostgreSQLCluster.isAvailable, "the library is not installed"))
    func manySilentServersAreWaitedForAtTheSameTime() async throws {
        let server = try SilentListener()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    await #expect(throws: DatabaseError.self) {
                        try await DatabaseURL(
                            parsing: "postgresql://me@127.0.0.1:\(server.port)/x?connect_timeout=60&sslmode=disable"
                        ).open(DatabaseOptions(access: .readOnly))
                    }
                    server.givenUp.add(1, ordering: .relaxed)
                }
            }
            while server.accept() < 100, server.givenUp.load(ordering: .relaxed) == 0 {
                try? await Task.sleep(for: .milliseconds(5))
            }
            #expect(server.givenUp.load(ordering: .relaxed) == 0)
            server.close()
        }
    }
}

/// A port of which connections are taken, and nothing is said on them.
private final class SilentListener: Sendable {
    let port: Int
    /// How many clients have had enough.
    let givenUp = Atomic(0)
    private let descriptor: Int32
    private let taken = Mutex<[Int32]>([])

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) + listen(descriptor, 200) + getsockname(descriptor, address, &length)
            }
        }
        try #require(status == 0)
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// Takes those that have come, and tells how many there are in all.
    func accept() -> Int {
        taken.withLock { taken in
            while true {
                let one = Foundation.accept(descriptor, nil, nil)
                guard one >= 0 else { return taken.count }
                taken.append(one)
            }
        }
    }

    /// Ends them, and takes no more.
    func close() {
        Foundation.close(descriptor)
        for one in taken.withLock({ $0 }) { Foundation.close(one) }
    }
}
