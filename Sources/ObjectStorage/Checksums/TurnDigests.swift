import NIOCore
import NIOPosix

/// MD5s of short texts of bytes that are asked for on an event loop: those of one turn of the loop are made beside each
/// other, at the end of the turn, when what the turn had to send is on its way; see ``DigestLanes``. Nobody waits for
/// those to come.
///
/// `@unchecked Sendable`: an object belongs to one loop, and only its thread gets hold of it.
final class TurnDigests: @unchecked Sendable {
    private static let current = ThreadSpecificVariable<TurnDigests>()

    private let loop: any EventLoop
    private var waiting: [(bytes: ByteBuffer, promise: EventLoopPromise<[UInt8]>)] = []

    private init(_ loop: any EventLoop) { self.loop = loop }

    /// The digest, once the turn has ended. Takes 1.1 s a gigabyte for bytes that are alone. `nil` where no event loop
    /// is.
    static func md5(of bytes: ByteBuffer) -> EventLoopFuture<[UInt8]>? {
        guard let loop = MultiThreadedEventLoopGroup.currentEventLoop else { return nil }
        if let digests = current.currentValue { return digests.add(bytes) }
        let digests = TurnDigests(loop)
        current.currentValue = digests
        return digests.add(bytes)
    }

    private func add(_ bytes: ByteBuffer) -> EventLoopFuture<[UInt8]> {
        // What the events of this turn began is before this in the loop's queue.
        if waiting.isEmpty { loop.execute { self.finishTurn() } }
        let promise = loop.makePromise(of: [UInt8].self)
        waiting.append((bytes, promise))
        return promise.futureResult
    }

    private func finishTurn() {
        let all = waiting
        waiting.removeAll(keepingCapacity: true)
        let digests = PiecewiseMD5.digests(of: all.map(\.bytes))
        for (one, digest) in zip(all, digests) { one.promise.succeed(digest) }
    }
}
