public import CoreMetrics
import Hummingbird
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a service measures of itself.
public final class ServiceMetrics: Sendable {
    public let registry: PrometheusRegistry
    private let timers = Mutex<[Key: Timer]>([:])

    private struct Key: Hashable {
        let route: String
        let method: String
        let status: Int
    }

    init(_ registry: PrometheusRegistry, gate: RequestGate, ledger: ConnectionLedger) {
        self.registry = registry
        registry.describe("http_request_duration_seconds", "Time from the request's head to the end of the response.")
        registry.describe("http_response_bytes_total", "Bytes of response bodies.")
        registry.describe("http_refused_total", "Requests and connections that were refused or ended by a limit.")
        registry.observe("http_connections", "Open connections.") { Double(ledger.count) }
        registry.observe("http_requests_in_progress", "Requests in progress.") { Double(gate.count) }
        registry.observe("http_draining", "1 while the server is stopping.") { gate.isDraining ? 1 : 0 }
        registry.observe("process_resident_memory_bytes", "Resident memory.") { Self.residentBytes }
    }

    /// Counts something that a limit refused.
    public func refused(_ reason: String) {
        Counter(label: "http_refused_total", dimensions: [("reason", reason)], factory: registry).increment()
    }

    func request(route: String, method: String, status: Int, nanoseconds: Int64) {
        let key = Key(route: route, method: method, status: status)
        let timer = timers.withLock { timers in
            if let known = timers[key] { return known }
            let new = Timer(
                label: "http_request_duration_seconds",
                dimensions: [("route", route), ("method", method), ("status", String(status))], factory: registry)
            timers[key] = new
            return new
        }
        timer.recordNanoseconds(nanoseconds)
    }

    /// From `/proc`; 0 elsewhere.
    private static var residentBytes: Double {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }
}
