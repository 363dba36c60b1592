import CoreMetrics
import Foundation
import Serving
import Synchronization

/// What the daemon measures of itself, in the text form of Prometheus.
final class DaemonMetrics: Sendable {
    private let registry = PrometheusRegistry()
    private let settings: DaemonSettings
    private let series = Mutex<[String: (count: Counter, bytes: Counter, time: CoreMetrics.Timer)]>([:])

    init(_ settings: DaemonSettings) {
        self.settings = settings
        registry.describe("transfer_files_total", "Files that arrived, by destination and priority.")
        registry.describe("transfer_bytes_total", "Bytes that were sent.")
        registry.describe("transfer_duration_seconds", "Time from the acceptance of a file to its arrival.")
        registry.describe("transfer_failures_total", "Files whose sender was told of a failure, or that were put off.")
        registry.describe("transfer_lost_total", "Accepted files that vanished before they were sent.")
        registry.describe("transfer_set_aside_total", "Requests that were set aside, as they cannot arrive.")
        registry.describe("transfer_refused_total", "Requests that were not accepted.")
    }

    func sent(_ request: TransferRequest, _ destination: String, bytes: Int64, seconds: Double) {
        let key = "\(destination) \(request.priority.rawValue)"
        let (count, sum, time) = series.withLock { series in
            if let known = series[key] { return known }
            let labels = [("destination", destination), ("priority", request.priority.rawValue)]
            let new = (
                count: Counter(label: "transfer_files_total", dimensions: labels, factory: registry),
                bytes: Counter(label: "transfer_bytes_total", dimensions: labels, factory: registry),
                time: CoreMetrics.Timer(label: "transfer_duration_seconds", dimensions: labels, factory: registry)
            )
            series[key] = new
            return new
        }
        count.increment()
        sum.increment(by: bytes)
        time.recordNanoseconds(Int64(seconds * 1e9))
    }

    func failed(_ destination: String) {
        Counter(label: "transfer_failures_total", dimensions: [("destination", destination)], factory: registry)
            .increment()
    }

    func lost() { Counter(label: "transfer_lost_total", factory: registry).increment() }

    func setAside(_ destination: String, _ outlook: Outlook) {
        let labels = [("destination", destination), ("cause", "\(outlook)")]
        Counter(label: "transfer_set_aside_total", dimensions: labels, factory: registry).increment()
    }

    func refused(_ error: DaemonError) {
        let reason =
            switch error {
            case .spoolFull: "full"
            case .outsideRoots: "outside"
            default: "spool"
            }
        Counter(label: "transfer_refused_total", dimensions: [("reason", reason)], factory: registry).increment()
    }

    func observe(_ name: String, _ help: String, _ read: @escaping @Sendable () -> Double) {
        registry.observe(name, help, read)
    }

    /// The text, with the names of the newer program before it.
    func text(waiting: [Int], uploads: Int, tcp: [UInt64]) -> String {
        let labels = "{endpoint_url=\"\(settings.shownEndpoint)\",port=\"\(settings.port)\"}"
        var text = "# HELP uploads Files that are being sent.\n# TYPE uploads gauge\nuploads\(labels) \(uploads)\n"
        for (name, value) in zip(SocketWatch.names, tcp) {
            text += "# TYPE tcp_info_\(name) gauge\ntcp_info_\(name)\(labels) \(value)\n"
        }
        text += "# HELP transfer_waiting Files that wait for their turn.\n# TYPE transfer_waiting gauge\n"
        for (priority, count) in zip(TransferPriority.allCases, waiting) {
            text += "transfer_waiting{priority=\"\(priority.rawValue)\"} \(count)\n"
        }
        return text + registry.text()
    }
}
