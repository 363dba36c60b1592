import Crypto
import NIOCore
import NIOPosix

/// MD5s of short texts of bytes that are asked for on an event loop: those of one turn of the loop are made beside each
/// other, at the end of the turn; see ``DigestLanes``. Nobody waits for those to come.
///
/// `@unchecked Sendable`: an object belongs to one loop, and only its thread gets hold of it.
final class TurnDigests: @unchecked Sendable {
    private static let current = ThreadSpecificVariable<TurnDigests>()

    private var waiting: [(bytes: ByteBuffer, continuation: CheckedContinuation<[UInt8], Never>)] = []

    /// Takes 1.3 s a gigabyte for bytes that are alone, and wherever no event loop is.
    static func md5(of bytes: ByteBuffer) async -> [UInt8] {
        guard let loop = MultiThreadedEventLoopGroup.currentEventLoop else { return alone(bytes) }
        return await withCheckedContinuation { continuation in
            let digests = current.currentValue ?? TurnDigests()
            if digests.waiting.isEmpty {
                current.currentValue = digests
                // What the events of this turn began is before this in the loop's queue.
                loop.execute { current.currentValue?.finishTurn() }
            }
            digests.waiting.append((bytes, continuation))
        }
    }

    private static func alone(_ bytes: ByteBuffer) -> [UInt8] {
        bytes.withUnsafeReadableBytes { memory in
            var hash = Insecure.MD5()
            hash.update(bufferPointer: memory)
            return Array(hash.finalize())
        }
    }

    private func finishTurn() {
        let all = waiting
        waiting.removeAll(keepingCapacity: true)
        let digests = all.count == 1 ? [Self.alone(all[0].bytes)] : PiecewiseMD5.digests(of: all.map(\.bytes))
        for (one, digest) in zip(all, digests) { one.continuation.resume(returning: digest) }
    }
}
