import Crypto
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import ObjectStorage

/// Digests of many streams that are made beside each other are those that each has alone.
@Suite struct DigestLanesTests {
    private func bytes(_ count: Int, _ seed: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 37 ^ $0 >> 7) }
    }

    private func digest(_ bytes: [UInt8], pieces: Int) async -> [UInt8]? {
        let stream = StreamDigest()
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            await stream.add(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + pieces)]))
        }
        return await stream.finish(length: Int64(bytes.count))
    }

    @Test func everyLengthAroundTheEndOfABlock() async {
        for count in Array(0...130) + [1023, 1024, 1025] {
            let text = bytes(count, count)
            #expect(await digest(text, pieces: 64) == Array(Insecure.MD5.hash(data: text)), "\(count)")
        }
    }

    @Test func manyStreamsOfDifferentLengthsAtATime() async {
        let texts = (0..<23).map { bytes(50_000 + $0 * 9973, $0) }
        await withTaskGroup(of: Bool.self) { group in
            for (number, text) in texts.enumerated() {
                // Also pieces that leave blocks unfinished.
                group.addTask { await digest(text, pieces: 20_000 + number) == Array(Insecure.MD5.hash(data: text)) }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test func textsOfAnyLengthsBesideEachOther() {
        for count in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30] {
            // The readable bytes need not begin where the memory does.
            let texts = (0..<count).map { [0, 1, 55, 56, 64, 65, 1000, 65_536][$0 % 8] + $0 }.map { bytes($0, 5) }
            let buffers = texts.map { text in
                var buffer = ByteBuffer(bytes: [1, 2, 3] + text)
                buffer.moveReaderIndex(forwardBy: 3)
                return buffer
            }
            #expect(PiecewiseMD5.digests(of: buffers) == texts.map { Array(Insecure.MD5.hash(data: $0)) })
        }
    }

    @Test func textsOfOneTurnOfALoopEachGetTheirDigest() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let executor = try await loop.submit { LoopExecutor.of(loop) }.get()
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<50 {
                let text = bytes(number * 997, number)
                group.addTask(executorPreference: number % 5 == 0 ? nil : executor) {
                    // Tasks that are on no loop have none.
                    let digest = await LoopDigests.md5(of: ByteBuffer(bytes: text))?.get()
                    return digest == (number % 5 == 0 ? nil : Array(Insecure.MD5.hash(data: text)))
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test func digestsOfOneLoopWaitForThoseThatAreNeededBefore() async throws {
        // Of its own, where nobody else sends.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let executor = try await group.next().submit { LoopExecutor.of(group.next()) }.get()
        func turn() async throws { try await group.next().submit {}.get() }
        try await withTaskExecutorPreference(executor) {
            let texts = (0..<12).map { ByteBuffer(bytes: bytes(1000, $0)) }
            func begin(_ number: Int) throws -> LoopDigests.Digest { try #require(LoopDigests.md5(of: texts[number])) }
            let first = try begin(0)
            #expect(!first.isMade)
            try await turn()
            #expect(first.isMade)
            let (second, third) = (try begin(1), try begin(2))
            try await turn()
            #expect(!second.isMade && !third.isMade)
            // With the answer to the first one nothing is ahead of them.
            _ = await first.get()
            try await turn()
            #expect(second.isMade && third.isMade)
            // One that is needed takes all others along.
            let (fourth, fifth) = (try begin(3), try begin(4))
            #expect(await fifth.get() == Array(Insecure.MD5.hash(data: bytes(1000, 4))))
            #expect(fourth.isMade)
            // Enough of them wait for nothing.
            let many = try (5..<12).map(begin)
            try await turn()
            #expect(many.allSatisfy { !$0.isMade })
            let last = try begin(0)
            try await turn()
            #expect(last.isMade && many.allSatisfy(\.isMade))
        }
        try await group.shutdownGracefully()
    }

    @Test func aDigestThatNobodyNeedsAnyMoreKeepsNoOtherWaiting() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let executor = try await group.next().submit { LoopExecutor.of(group.next()) }.get()
        func turn() async throws { try await group.next().submit {}.get() }
        try await withTaskExecutorPreference(executor) {
            var first = LoopDigests.md5(of: ByteBuffer(bytes: bytes(1000, 1)))
            try await turn()
            #expect(first?.isMade == true)
            first = nil
            let second = try #require(LoopDigests.md5(of: ByteBuffer(bytes: bytes(1000, 2))))
            try await turn()
            #expect(second.isMade)
        }
        try await group.shutdownGracefully()
    }

    @Test func aStreamThatWasNotReadToItsEndHasNoDigest() async {
        let stream = StreamDigest()
        await stream.add(ByteBuffer(bytes: bytes(100, 0)))
        #expect(await stream.finish(length: 101) == nil)
    }
}
