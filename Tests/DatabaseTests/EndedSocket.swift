import Foundation
import Testing

/// The other end of a connection that is over: what is sent there is taken, and nothing comes back.
final class EndedSocket: Sendable {
    private let otherEnd: Int32

    /// Puts itself in the place of an open socket. Shutting that down for reading would let through what comes later.
    init(inPlaceOf descriptor: Int32) throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        otherEnd = ends[1]
        shutdown(otherEnd, Int32(SHUT_WR))
        dup2(ends[0], descriptor)
        close(ends[0])
    }

    deinit { close(otherEnd) }
}
