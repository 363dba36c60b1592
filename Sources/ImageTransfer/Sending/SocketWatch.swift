import Foundation
import NIOCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The connections to the store: what the kernel has counted on them, and how fast they may send.
final class SocketWatch: Sendable {
    /// Counters of the kernel, by the names that monitoring knows.
    static let names = ["fackets", "lost", "retrans", "sacked", "total_retrans"]

    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var rate: UInt32 = .max
    }

    private let state = Mutex(State())

    func add(_ channel: any Channel) {
        let rate = state.withLock { state in
            state.open[ObjectIdentifier(channel)] = channel
            return state.rate
        }
        if rate != .max { Self.pace(channel, rate) }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(channel)) }
        }
    }

    /// Divides a rate among the connections.
    ///
    /// - Parameter bytes: a second, for each connection; `nil` for no limit.
    func pace(_ bytes: Int64?) {
        let rate = bytes.map { UInt32(clamping: max(1, $0)) } ?? .max
        let channels = state.withLock { state -> [any Channel] in
            guard state.rate != rate else { return [] }
            state.rate = rate
            return Array(state.open.values)
        }
        for channel in channels { Self.pace(channel, rate) }
    }

    private static func pace(_ channel: any Channel, _ rate: UInt32) {
        #if canImport(Glibc)
            (channel as? any SocketOptionProvider)?
                .unsafeSetSocketOption(level: .socket, name: .init(rawValue: SO_MAX_PACING_RATE), value: rate)
                .whenComplete { _ in }
        #endif
    }

    /// The sums over all open connections, in the order of ``names``. They are kept open for days.
    func counters() async -> [UInt64] {
        var sums = [UInt64](repeating: 0, count: Self.names.count)
        #if canImport(Glibc)
            for channel in state.withLock({ Array($0.open.values) }) {
                guard let provider = channel as? any SocketOptionProvider,
                    let info: tcp_info = try? await provider.unsafeGetSocketOption(
                        level: .tcp, name: .init(rawValue: TCP_INFO)
                    ).get()
                else { continue }
                let values = [
                    info.tcpi_fackets, info.tcpi_lost, info.tcpi_retrans, info.tcpi_sacked, info.tcpi_total_retrans,
                ]
                for (index, value) in values.enumerated() { sums[index] += UInt64(value) }
            }
        #endif
        return sums
    }
}
