import Crypto
import NIOCore
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

    @Test func aStreamThatWasNotReadToItsEndHasNoDigest() async {
        let stream = StreamDigest()
        await stream.add(ByteBuffer(bytes: bytes(100, 0)))
        #expect(await stream.finish(length: 101) == nil)
    }
}
