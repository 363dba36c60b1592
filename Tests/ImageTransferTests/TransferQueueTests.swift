import Foundation
import ObjectStorage
import Synchronization
import Testing

@testable import ImageTransfer

@Suite struct TransferQueueTests {
    private final class Record: Sendable {
        let names = Mutex<[String]>([])
        func add(_ name: String) { names.withLock { $0.append(name) } }
        var all: [String] { names.withLock { $0 } }
    }

    /// A job that waits until it may end.
    private final class Gate: Sendable {
        private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

        func pass() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    private func job(
        _ name: String, _ priority: TransferPriority, _ record: Record, gate: Gate? = nil,
        deadline: ContinuousClock.Instant? = nil, to key: String? = nil
    ) -> TransferQueue.Job {
        let place = key.map { TransferPlace(destination: "main", location: S3Location(bucket: "b", key: $0)) }
        return TransferQueue.Job(id: UUID(), priority: priority, deadline: deadline, place: place) {
            record.add(name)
            await gate?.pass()
        } giveUp: { isClosed in
            record.add("\(name) \(isClosed ? "closed" : "late")")
        }
    }

    @Test func urgentJobsComeFirstAndOthersInTheirOrder() async {
        let (queue, record, gate) = (TransferQueue(width: 1), Record(), Gate())
        queue.submit(job("first", .normal, record, gate: gate))
        for number in 0..<3 {
            queue.submit(job("bulk\(number)", .bulk, record))
            queue.submit(job("normal\(number)", .normal, record))
            queue.submit(job("urgent\(number)", .urgent, record))
        }
        #expect(queue.waitingCounts == [3, 3, 3])
        gate.open()
        await queue.waitUntilIdle()
        #expect(
            record.all == [
                "first", "urgent0", "urgent1", "urgent2", "normal0", "normal1", "normal2", "bulk0", "bulk1", "bulk2",
            ])
    }

    @Test func bulkJobsLeavePlacesFree() async {
        let (queue, record, gate) = (TransferQueue(width: 5), Record(), Gate())
        for number in 0..<8 { queue.submit(job("bulk\(number)", .bulk, record, gate: gate)) }
        #expect(queue.runningCount == 4)
        queue.submit(job("urgent", .urgent, record, gate: gate))
        #expect(queue.runningCount == 5)
        gate.open()
        await queue.waitUntilIdle()
        #expect(record.all.count == 9)
    }

    @Test func jobsWhoseTimeHasPassedAreGivenUp() async throws {
        let (queue, record, gate) = (TransferQueue(width: 1), Record(), Gate())
        queue.submit(job("first", .normal, record, gate: gate))
        queue.submit(job("second", .normal, record, deadline: .now))
        queue.submit(job("third", .normal, record))
        while !record.all.contains("second late") { try await Task.sleep(for: .milliseconds(20)) }
        gate.open()
        await queue.waitUntilIdle()
        #expect(record.all == ["first", "second late", "third"])
    }

    @Test func aClosedQueueGivesUpWhatWaitsAndTakesNoMore() async {
        let (queue, record, gate) = (TransferQueue(width: 1), Record(), Gate())
        queue.submit(job("first", .normal, record, gate: gate))
        queue.submit(job("second", .bulk, record))
        queue.close()
        queue.submit(job("third", .urgent, record))
        gate.open()
        await queue.waitUntilIdle()
        #expect(Set(record.all) == ["first", "second closed", "third closed"])
    }

    @Test func oneAtATimeGoesToAPlaceAndTheOthersTakeNobodysTurn() async {
        let (queue, record, gate) = (TransferQueue(width: 2), Record(), Gate())
        queue.submit(job("first", .normal, record, gate: gate, to: "k"))
        for number in 0..<3 { queue.submit(job("same\(number)", .normal, record, to: "k")) }
        queue.submit(job("same, urgent", .urgent, record, to: "k"))
        #expect(queue.runningCount == 1 && queue.waitingCounts == [1, 3, 0])
        // The same letters in other bytes are another key.
        for key in ["\u{e9}", "e\u{301}"] { queue.submit(job(key, .normal, record, gate: gate, to: key)) }
        while record.all.count < 2 { await Task.yield() }
        #expect(queue.runningCount == 2)
        gate.open()
        await queue.waitUntilIdle()
        let same = record.all.filter { $0.hasPrefix("same") }
        #expect(same == ["same0", "same1", "same2", "same, urgent"])
        #expect(record.all.count == 7 && queue.waitingCounts == [0, 0, 0])
    }

    @Test func aPlaceIsPassedOnByThoseWhoseTimeHasPassed() async throws {
        let (queue, record, gate) = (TransferQueue(width: 1), Record(), Gate())
        queue.submit(job("first", .normal, record, gate: gate, to: "k"))
        queue.submit(job("late", .normal, record, deadline: .now, to: "k"))
        queue.submit(job("last", .normal, record, to: "k"))
        while !record.all.contains("late late") { try await Task.sleep(for: .milliseconds(20)) }
        gate.open()
        await queue.waitUntilIdle()
        #expect(record.all == ["first", "late late", "last"])
    }

    @Test func whoHasAPlaceToPassOnWaitsNoLongerThanTheMostUrgentBehind() async {
        let (queue, record, gate) = (TransferQueue(width: 1), Record(), Gate())
        queue.submit(job("first", .normal, record, gate: gate, to: "k"))
        for (name, priority) in [("bulk", TransferPriority.bulk), ("urgent", .urgent)] {
            queue.submit(job(name, priority, record, to: "k"))
        }
        queue.submit(job("other", .normal, record))
        gate.open()
        await queue.waitUntilIdle()
        #expect(record.all == ["first", "urgent", "other", "bulk"])
    }

    /// Thousands wait without the queue becoming slow.
    @Test func manyJobsAllRun() async {
        let (queue, record) = (TransferQueue(width: 8), Record())
        for number in 0..<5000 { queue.submit(job("\(number)", TransferPriority.allCases[number % 3], record)) }
        await queue.waitUntilIdle()
        #expect(Set(record.all).count == 5000)
    }
}
