import AsyncAlgorithms
import HTTPTypes
public import Hummingbird
import NIOCore
import Synchronization

extension Response {
    /// A stream of JSON lines, sent as they are made.
    ///
    /// The status line goes out before the first line is made, so failures become a last line too. While one line is
    /// being sent the next is made, and no more than that: a slow client slows the source down. A client that goes away
    /// cancels the source.
    ///
    /// - Parameters:
    ///   - lines: each with its line break.
    ///   - keepAlive: the line to send whenever nothing else was sent for `interval`.
    ///   - failure: the last line for an error; not asked when the request itself is cancelled.
    public static func jsonLines<Lines: AsyncSequence & Sendable>(
        _ lines: Lines, keepAlive: [UInt8], every interval: Duration,
        failure: @escaping @Sendable (any Error) -> [UInt8]
    ) -> Response where Lines.Element == [UInt8] {
        let body = ResponseBody { writer in
            let channel = AsyncChannel<[UInt8]>()
            let lastSent = Moment()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    defer { channel.finish() }
                    do {
                        for try await line in lines { await channel.send(line) }
                    } catch is CancellationError where Task.isCancelled {
                        throw CancellationError()
                    } catch {
                        await channel.send(failure(error))
                    }
                }
                group.addTask { try await Self.remind(channel, with: keepAlive, every: interval, since: lastSent) }
                for await line in channel {
                    try await writer.write(ByteBuffer(bytes: line))
                    lastSent.renew()
                }
                group.cancelAll()
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/jsonlines", .xAccelBuffering: "no"], body: body)
    }

    /// Sends a line whenever nothing else was sent for an interval, until it is cancelled.
    private static func remind(
        _ channel: AsyncChannel<[UInt8]>, with line: [UInt8], every interval: Duration, since moment: Moment
    ) async throws {
        while true {
            try await Task.sleep(until: moment.time + interval, clock: .continuous)
            if moment.time + interval <= .now { await channel.send(line) }
        }
    }
}

/// When something happened last.
private final class Moment: Sendable {
    private let state = Mutex(ContinuousClock.now)

    var time: ContinuousClock.Instant { state.withLock { $0 } }
    func renew() { state.withLock { $0 = .now } }
}
