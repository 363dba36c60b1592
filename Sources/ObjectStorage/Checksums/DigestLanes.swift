import CDigestLanes
import Dispatch
import NIOCore
import Synchronization

/// An MD5 that is made piece by piece, beside others: see ``DigestLanes``. Source: RFC 1321.
struct PiecewiseMD5: Sendable {
    fileprivate var words: SIMD4<UInt32> = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476]
    fileprivate(set) var length: Int64 = 0
    /// The last bytes, which do not fill a block.
    fileprivate var rest = ByteBuffer()

    /// The digest of all pieces.
    func finish() -> [UInt8] {
        var padded = rest
        padded.writeInteger(0x80, as: UInt8.self)
        padded.writeRepeatingByte(0, count: (120 - padded.readableBytes % 64) % 64)
        padded.writeInteger(UInt64(length) &* 8, endianness: .little)
        var states = [words]
        DigestLanes.add(padded.readableBytes / 64, of: [(padded, 0)], to: &states)
        return (0..<4).flatMap { index in withUnsafeBytes(of: states[0][index].littleEndian) { Array($0) } }
    }
}

extension PiecewiseMD5 {
    /// The digests of several texts of bytes, beside each other.
    static func digests(of texts: [ByteBuffer]) -> [[UInt8]] {
        var sums = texts.map { text in
            var sum = PiecewiseMD5()
            sum.length = Int64(text.readableBytes)
            let tail = text.readableBytes % 64
            sum.rest = text.getSlice(at: text.writerIndex - tail, length: tail) ?? ByteBuffer()
            return sum
        }
        // Blocks that are in the digests already.
        var done = 0
        while true {
            let open = texts.indices.filter { texts[$0].readableBytes / 64 > done }
            guard let shortest = open.map({ texts[$0].readableBytes / 64 }).min() else { break }
            for start in stride(from: 0, to: open.count, by: Int(STEWARD_DIGEST_LANES)) {
                let lanes = open[start..<min(open.count, start + Int(STEWARD_DIGEST_LANES))]
                var states = lanes.map { sums[$0].words }
                DigestLanes.add(shortest - done, of: lanes.map { (texts[$0], 64 * done) }, to: &states)
                for (index, state) in zip(lanes, states) { sums[index].words = state }
            }
            done = shortest
        }
        return sums.map { $0.finish() }
    }
}

/// Makes MD5 digests of several streams beside each other, on one thread.
///
/// One digest takes 1.3 s a gigabyte, because each step needs the one before; eight at a time take a seventh of that
/// each. So a piece waits for pieces of the other streams that there are, for a moment, which costs no time: what is
/// asked for is the digest of the last one. Who is alone does not wait.
final class DigestLanes: Sendable {
    static let shared = DigestLanes(POSIXObjectStore.sharedPool)

    private struct Piece {
        var sum: PiecewiseMD5
        let bytes: ByteBuffer
        /// Bytes that are in the digest already.
        var offset = 0
        let finished: @Sendable (PiecewiseMD5) -> Void

        var blocks: Int { (bytes.readableBytes - offset) / 64 }
    }

    private struct State {
        var waiting: [Piece] = []
        var isWorking = false
        var isTimed = false
        /// Streams that are being made.
        var streams = 0

        /// Whether there is nobody worth waiting for.
        var isReady: Bool { waiting.count >= min(Int(STEWARD_DIGEST_LANES), streams) }
    }

    /// How long a piece waits for others.
    private static let patience = DispatchTimeInterval.milliseconds(10)

    private let pool: BlockingPool
    private let state = Mutex(State())

    init(_ pool: BlockingPool) { self.pool = pool }

    /// Adds a piece to a digest: here, which blocks for a moment, if there is no other stream; else on another thread.
    ///
    /// - Parameter finished: called with the digest there; must not take long.
    func add(
        _ bytes: ByteBuffer, to sum: PiecewiseMD5, finished: @escaping @Sendable (PiecewiseMD5) -> Void
    ) {
        var sum = sum
        sum.length += Int64(bytes.readableBytes)
        var whole = bytes
        if sum.rest.readableBytes > 0 {
            whole = sum.rest
            whole.writeImmutableBuffer(bytes)
        }
        let count = whole.readableBytes
        sum.rest = whole.getSlice(at: whole.readerIndex + count / 64 * 64, length: count % 64) ?? ByteBuffer()
        let piece = Piece(sum: sum, bytes: whole, finished: finished)
        let isAlone = state.withLock { state in
            if state.streams > 1 { state.waiting.append(piece) }
            return state.streams < 2
        }
        // To wake another thread for each piece would take more than what could be done meanwhile.
        if isAlone { finish(piece) } else { begin(isLate: false) }
    }

    func enter() { state.withLock { $0.streams += 1 } }
    func leave() { state.withLock { $0.streams -= 1 } }

    /// Has the pieces that wait taken up, if there are enough or the time is over.
    private func begin(isLate: Bool) {
        let (begins, waits) = state.withLock { state -> (Bool, Bool) in
            if isLate { state.isTimed = false }
            guard !state.isWorking, !state.waiting.isEmpty else { return (false, false) }
            if isLate || state.isReady {
                state.isWorking = true
                return (true, false)
            }
            defer { state.isTimed = true }
            return (false, !state.isTimed)
        }
        if begins { pool.submit { self.work() } }
        if waits { DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { self.begin(isLate: true) } }
    }

    private func finish(_ piece: Piece) {
        var sum = piece.sum
        var states = [sum.words]
        Self.add(piece.blocks, of: [(piece.bytes, 0)], to: &states)
        sum.words = states[0]
        piece.finished(sum)
    }

    private func work() {
        var lanes: [Piece] = []
        var isFirst = true
        while takeMore(&lanes, isFirst) {
            isFirst = false
            // Who comes meanwhile need not wait long.
            let blocks = min(4096, lanes.lazy.map(\.blocks).min() ?? 0)
            var states = lanes.map(\.sum.words)
            Self.add(blocks, of: lanes.map { ($0.bytes, $0.offset) }, to: &states)
            for index in lanes.indices {
                lanes[index].sum.words = states[index]
                lanes[index].offset += 64 * blocks
            }
            for piece in lanes where piece.blocks == 0 { piece.finished(piece.sum) }
            lanes.removeAll { $0.blocks == 0 }
        }
        begin(isLate: false)
    }

    private func takeMore(_ lanes: inout [Piece], _ isFirst: Bool) -> Bool {
        state.withLock { state in
            // Those who come while others are at work join them.
            let takes = isFirst || !lanes.isEmpty || state.isReady
            let count = takes ? min(Int(STEWARD_DIGEST_LANES) - lanes.count, state.waiting.count) : 0
            lanes += state.waiting[..<count]
            state.waiting.removeFirst(count)
            state.isWorking = !lanes.isEmpty
            return state.isWorking
        }
    }

    /// Adds as many blocks of each buffer, from an offset on, to each state.
    fileprivate static func add(
        _ blocks: Int, of buffers: [(bytes: ByteBuffer, offset: Int)], to states: inout [SIMD4<UInt32>]
    ) {
        guard blocks > 0 else { return }
        func withPointers(_ known: [UnsafePointer<UInt8>?], _ body: ([UnsafePointer<UInt8>?]) -> Void) {
            guard known.count < buffers.count else { return body(known) }
            let (bytes, offset) = buffers[known.count]
            bytes.withUnsafeReadableBytes { memory in
                guard let start = memory.baseAddress else { return }
                withPointers(known + [(start + offset).assumingMemoryBound(to: UInt8.self)], body)
            }
        }
        withPointers([]) { pointers in
            states.withUnsafeMutableBytes { memory in
                steward_md5_blocks(
                    memory.baseAddress?.assumingMemoryBound(to: (UInt32, UInt32, UInt32, UInt32).self), pointers,
                    pointers.count, blocks)
            }
        }
    }
}

/// The MD5 of a stream, made while its pieces go elsewhere.
final class StreamDigest: Sendable {
    private struct State {
        var sum = PiecewiseMD5()
        var isBusy = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    init() { DigestLanes.shared.enter() }
    deinit { DigestLanes.shared.leave() }

    /// Takes the next piece. Waits until the one before is in the digest.
    func add(_ bytes: ByteBuffer) async {
        await waitUntilIdle()
        let sum = state.withLock { state in
            state.isBusy = true
            return state.sum
        }
        DigestLanes.shared.add(bytes, to: sum) { [self] sum in
            let waiting = state.withLock { state in
                state.sum = sum
                state.isBusy = false
                defer { state.waiting = [] }
                return state.waiting
            }
            for waiter in waiting { waiter.resume() }
        }
    }

    /// The digest of all pieces; `nil` unless they have as many bytes together.
    func finish(length: Int64) async -> [UInt8]? {
        await waitUntilIdle()
        let sum = state.withLock { $0.sum }
        return sum.length == length ? sum.finish() : nil
    }

    private func waitUntilIdle() async {
        guard state.withLock({ $0.isBusy }) else { return }
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isBusy { state.waiting.append(continuation) }
                return !state.isBusy
            }
            if isIdle { continuation.resume() }
        }
    }
}
