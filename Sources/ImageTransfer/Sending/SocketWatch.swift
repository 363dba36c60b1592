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
    static let names = KernelCounter.all.map(\.name)

    private struct State {
        /// With what was counted when they were last looked at.
        var open: [ObjectIdentifier: (channel: any Channel, counted: [UInt64])] = [:]
        var closed = [UInt64](repeating: 0, count: KernelCounter.all.count)
        var rate: UInt32 = .max
    }

    private let state = Mutex(State())

    func add(_ channel: any Channel) {
        let rate = state.withLock { state in
            state.open[ObjectIdentifier(channel)] = (channel, [])
            return state.rate
        }
        if rate != .max { Self.pace(channel, rate) }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { state in
                guard let counted = state.open.removeValue(forKey: ObjectIdentifier(channel))?.counted else { return }
                for (index, value) in counted.enumerated() { state.closed[index] &+= value }
            }
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
            return state.open.values.map(\.channel)
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

    /// The sums over all connections since the start, in the order of ``names``. Of closed ones that counts which was
    /// known when this was last called.
    func counters() async -> [UInt64] {
        #if canImport(Glibc)
            for channel in state.withLock({ $0.open.values.map(\.channel) }) {
                guard let provider = channel as? any SocketOptionProvider,
                    let info: KernelCounter.Information = try? await provider.unsafeGetSocketOption(
                        level: .tcp, name: .init(rawValue: TCP_INFO)
                    ).get()
                else { continue }
                let values = KernelCounter.all.map { $0.value(in: info) }
                // It may have been closed meanwhile.
                state.withLock { $0.open[ObjectIdentifier(channel)]?.counted = values }
            }
        #endif
        return state.withLock { state in
            var sums = state.closed
            for open in state.open.values {
                for (index, value) in open.counted.enumerated() { sums[index] &+= value }
            }
            return sums
        }
    }
}

/// A number in what the kernel tells of a connection. Source: `struct tcp_info` of Linux (`linux/tcp.h`), which only
/// grows at its end; that of the C library lacks the later half.
private struct KernelCounter {
    /// All that is looked at lies in the first 256 bytes. What the kernel does not have is zero.
    typealias Information = SIMD32<UInt64>

    let name: String
    /// Bytes from the beginning.
    let offset: Int
    var isLong = false

    static let all = [
        KernelCounter(name: "bytes_acked", offset: 120, isLong: true),
        KernelCounter(name: "bytes_received", offset: 128, isLong: true),
        KernelCounter(name: "bytes_retrans", offset: 208, isLong: true),
        KernelCounter(name: "bytes_sent", offset: 200, isLong: true),
        KernelCounter(name: "dsack_dups", offset: 216), KernelCounter(name: "fackets", offset: 40),
        KernelCounter(name: "lost", offset: 32), KernelCounter(name: "rcv_ooopack", offset: 224),
        KernelCounter(name: "reord_seen", offset: 220), KernelCounter(name: "retrans", offset: 36),
        KernelCounter(name: "sacked", offset: 28), KernelCounter(name: "total_retrans", offset: 100),
    ]

    func value(in information: Information) -> UInt64 {
        withUnsafeBytes(of: information) { bytes in
            isLong
                ? bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                : UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
    }
}
