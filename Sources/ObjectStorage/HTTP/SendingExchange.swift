import NIOCore
import Synchronization

/// A request and its answer.
///
/// `@unchecked Sendable`: what changes is touched on the loop of the promise only.
final class SendingExchange: @unchecked Sendable {
    let head: HTTPTransport.Head
    let content: SendingConnections.Content
    let deadline: NIODeadline
    let promise: EventLoopPromise<HTTPAnswer>
    let gate = PieceGate()
    private weak var connection: SendingConnection?
    private(set) var isOver = false
    /// Pieces that were read before there was a connection.
    private var early: [ByteBuffer] = []
    private var isAllRead = false

    init(
        _ head: HTTPTransport.Head, _ content: SendingConnections.Content, deadline: NIODeadline,
        _ promise: EventLoopPromise<HTTPAnswer>
    ) {
        self.head = head
        self.content = content
        self.deadline = deadline
        self.promise = promise
    }

    /// A connection has sent the head.
    func sendBytes(over connection: SendingConnection) {
        self.connection = connection
        switch content {
        case .bytes(let bytes):
            if bytes.readableBytes > 0 { connection.write(bytes) }
            connection.writeEnd()
        case .file:
            for piece in early { write(piece) }
            early = []
            if isAllRead { connection.writeEnd() }
        }
    }

    func write(_ piece: ByteBuffer) {
        guard !isOver else { return }
        guard let connection else { return early.append(piece) }
        connection.writeAndFlush(piece) { [gate] in gate.leave() }
    }

    func writeEnd() {
        isAllRead = true
        if !isOver { connection?.writeEnd() }
    }

    func end(_ result: Result<HTTPAnswer, any Error>) {
        guard !isOver else { return }
        isOver = true
        early = []
        promise.completeWith(result)
    }

    func giveUp(_ error: any Error) {
        guard !isOver else { return }
        end(.failure(error))
        connection?.close()
    }

    func cancel() { giveUp(CancellationError()) }
}

/// Lets a few pieces be on their way at a time.
final class PieceGate: Sendable {
    private static let width = 2

    private struct State {
        var inside = 0
        var isClosed = false
        var waiting: CheckedContinuation<Bool, Never>?
    }

    private let state = Mutex(State())

    /// Waits for room. For one task only.
    ///
    /// - Returns: whether a piece may be sent; else none is of use any more.
    func enter() async -> Bool {
        await withCheckedContinuation { continuation in
            let answer = state.withLock { state -> Bool? in
                if state.isClosed { return false }
                guard state.inside < Self.width else {
                    state.waiting = continuation
                    return nil
                }
                state.inside += 1
                return true
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    func leave() {
        let waiting = state.withLock { state in
            // Who waits takes the place.
            if state.waiting == nil { state.inside -= 1 }
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: true)
    }

    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: false)
    }
}
