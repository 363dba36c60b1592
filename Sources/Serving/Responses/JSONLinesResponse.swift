import AsyncAlgorithms
import HTTPTypes
public import Hummingbird
public import NIOCore
import Synchronization

extension Response {
    /// A stream of JSON lines, sent as they are made.
    ///
    /// The status line waits for the first line, but no longer than for a keep-alive line, and within its limit; failures
    /// after that become a last line. While one line is being sent the next is made, and no more than that: a slow client
    /// slows the source down. A client that goes away cancels the source, also while it works on its first line.
    ///
    /// - Parameters:
    ///   - lines: each with its line break.
    ///   - keepAlive: the line to send whenever nothing else was sent for `interval`.
    ///   - limits: when to give up on the source. It is released at once, and the client learns by `failure`, as soon as
    ///     it reads on.
    ///   - connection: that of the client, if there is one.
    ///   - isRefusal: whether an error is thrown if it comes before the status line.
    ///   - failure: the last line for an error; not asked when the request itself is cancelled.
    /// - Throws: an error for which `isRefusal` is true; `CancellationError` when the client goes before the status line.
    public static func jsonLines<Lines: AsyncSequence & Sendable>(
        _ lines: Lines, keepAlive: [UInt8], every interval: Duration, limits: StreamLimits = StreamLimits(),
        connection: Connection? = nil, refusing isRefusal: @escaping @Sendable (any Error) -> Bool = { _ in false },
        failure: @escaping @Sendable (any Error) -> [UInt8]
    ) async throws -> Response where Lines.Element: LineBytes {
        let channel = AsyncChannel<ByteBuffer>()
        let lastSent = Moment()
        let completion = Completion()
        let beginning = StreamBeginning()
        let source = StreamSource(
            Task {
                // The flag is set before the channel ends.
                defer { channel.finish() }
                do {
                    try await pump(lines, into: channel, limits, connection) { beginning.settle(.success(())) }
                } catch is CancellationError {
                    // The client has gone, or the request was cancelled: nobody is left to tell.
                    beginning.settle(.failure(CancellationError()))
                    return
                } catch {
                    if isRefusal(error), beginning.settle(.failure(error)) { return }
                    beginning.settle(.success(()))
                    await channel.send(ByteBuffer(bytes: failure(error)))
                }
                beginning.settle(.success(()))
                completion.isReached = !Task.isCancelled
            })
        try await beginning.wait(atMost: min(interval, limits.beginning))
        let body = ResponseBody { writer in
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await remind(channel, with: ByteBuffer(bytes: keepAlive), every: interval, since: lastSent) }
                    for await line in channel {
                        try await writer.write(line)
                        lastSent.renew()
                    }
                    // A cancelled source has not come to its end, and the client must not believe that it has.
                    guard completion.isReached else { throw CancellationError() }
                    group.cancelAll()
                }
                try await writer.finish(nil)
            } catch {
                await source.end()
                throw error
            }
        }
        return Response(
            status: .ok, headers: [.contentType: "application/jsonlines", .xAccelBuffering: "no"], body: body)
    }

    /// Sends all lines, within the limits. The source is released when this returns.
    private static func pump<Lines: AsyncSequence & Sendable>(
        _ lines: Lines, into channel: AsyncChannel<ByteBuffer>, _ limits: StreamLimits, _ connection: Connection?,
        onLine: @escaping @Sendable () -> Void
    ) async throws where Lines.Element: LineBytes {
        let patience = ReaderPatience(limit: limits.waiting)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await line in lines {
                    onLine()
                    patience.begin()
                    await channel.send(line.buffer)
                    patience.end()
                    try Task.checkCancellation()
                }
            }
            if let time = limits.time {
                group.addTask {
                    try await Task.sleep(for: time)
                    throw StreamLimitExceeded.time(time)
                }
            }
            if limits.waiting != nil { group.addTask { try await patience.watch() } }
            if let connection {
                group.addTask {
                    await connection.waitForEnd()
                    throw CancellationError()
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Sends a line whenever nothing else was sent for an interval, until it is cancelled.
    private static func remind(
        _ channel: AsyncChannel<ByteBuffer>, with line: ByteBuffer, every interval: Duration, since moment: Moment
    ) async throws {
        while true {
            try await Task.sleep(until: moment.time + interval, clock: .continuous)
            if moment.time + interval <= .now { await channel.send(line) }
        }
    }
}

/// The bytes of a line, with its line break.
public protocol LineBytes: Sendable {
    var buffer: ByteBuffer { get }
}

extension ByteBuffer: LineBytes {
    public var buffer: ByteBuffer { self }
}

extension [UInt8]: LineBytes {
    public var buffer: ByteBuffer { ByteBuffer(bytes: self) }
}

/// When something happened last.
private final class Moment: Sendable {
    private let state = Mutex(ContinuousClock.now)

    var time: ContinuousClock.Instant { state.withLock { $0 } }
    func renew() { state.withLock { $0 = .now } }
}

/// Whether a stream has come to its end.
private final class Completion: Sendable {
    private let state = Mutex(false)

    var isReached: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
