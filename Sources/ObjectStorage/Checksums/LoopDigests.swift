import CDigestLanes
import NIOCore
import NIOPosix
import Synchronization

/// MD5s of short texts of bytes that an event loop sends, needed when the answers come, and made beside each other: see
/// ``DigestLanes``.
///
/// As long as there is an answer to come whose digest is made, those of later texts wait: that answer will most likely come
/// first. They are made together when the last such answer has come, when there are enough of them, or when one is needed; and
/// at the end of the turn, when what it had to send is on its way. So of a single text at the end of its own turn.
///
/// `@unchecked Sendable`: an object belongs to one loop, and all but `ahead` is touched there only.
final class LoopDigests: @unchecked Sendable {
    private static let current = ThreadSpecificVariable<LoopDigests>()

    private let loop: any EventLoop
    private var waiting: [Digest] = []
    private var isTurnWatched = false
    /// Digests that are made and not needed yet.
    private let ahead = Atomic<Int>(0)

    private init(_ loop: any EventLoop) { self.loop = loop }

    /// The digest of a text. `nil` where no event loop is.
    static func md5(of bytes: ByteBuffer) -> Digest? {
        guard let loop = MultiThreadedEventLoopGroup.currentEventLoop else { return nil }
        if let digests = current.currentValue { return digests.add(bytes) }
        let digests = LoopDigests(loop)
        current.currentValue = digests
        return digests.add(bytes)
    }

    /// A digest that is made sooner or later.
    ///
    /// `@unchecked Sendable`: it is touched on its loop only, until nobody has it any more.
    final class Digest: @unchecked Sendable {
        private let owner: LoopDigests
        fileprivate let bytes: ByteBuffer
        fileprivate var value: [UInt8]?
        fileprivate var isAhead = false

        fileprivate init(_ owner: LoopDigests, _ bytes: ByteBuffer) {
            self.owner = owner
            self.bytes = bytes
        }

        deinit { if isAhead { owner.ahead.subtract(1, ordering: .relaxed) } }

        /// On its loop only.
        var isMade: Bool { value != nil }

        /// The digest, made now if it is not yet, which takes 1.1 s a gigabyte for bytes that are alone.
        func get() async -> [UInt8] {
            guard !owner.loop.inEventLoop else { return owner.take(self) }
            return await withCheckedContinuation { continuation in
                owner.loop.execute { continuation.resume(returning: self.owner.take(self)) }
            }
        }
    }

    private func add(_ bytes: ByteBuffer) -> Digest {
        let digest = Digest(self, bytes)
        waiting.append(digest)
        watchTurn()
        return digest
    }

    private func take(_ digest: Digest) -> [UInt8] {
        if !digest.isMade { makeAll() }
        if digest.isAhead {
            digest.isAhead = false
            if ahead.subtract(1, ordering: .relaxed).newValue == 0, !waiting.isEmpty { watchTurn() }
        }
        return digest.value ?? PiecewiseMD5.digests(of: [digest.bytes])[0]
    }

    private func watchTurn() {
        guard !isTurnWatched else { return }
        isTurnWatched = true
        // What the events of this turn began is before this in the loop's queue.
        loop.execute {
            self.isTurnWatched = false
            let isReady = self.ahead.load(ordering: .relaxed) == 0 || self.waiting.count >= Int(STEWARD_DIGEST_LANES)
            if isReady { self.makeAll() }
        }
    }

    private func makeAll() {
        let all = waiting
        waiting.removeAll(keepingCapacity: true)
        for (digest, value) in zip(all, PiecewiseMD5.digests(of: all.map(\.bytes))) {
            (digest.value, digest.isAhead) = (value, true)
        }
        ahead.add(all.count, ordering: .relaxed)
    }
}
