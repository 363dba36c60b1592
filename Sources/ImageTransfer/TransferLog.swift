import ByteText
import Foundation
import StructuredData
import Synchronization

/// The log, in the form that readers of the two programs' logs expect: lines with times and keys, or JSON.
final class TransferLog: Sendable {
    private let style: DaemonSettings.Style
    private let descriptor: Int32
    private let watch = WriteWatch()
    /// Of one style only, as a log has.
    private let clockText = Mutex<(seconds: time_t, text: String)>((-1, ""))

    /// - Throws: ``DaemonError/badFile(path:reason:)`` for a file that cannot be written.
    init(_ settings: DaemonSettings) throws(DaemonError) {
        style = settings.style
        guard let file = settings.logFile else {
            descriptor = settings.style == .s3nd ? STDOUT_FILENO : STDERR_FILENO
            return
        }
        descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .badFile(path: file, reason: String(cString: strerror(errno))) }
    }

    func sent(_ request: TransferRequest, _ destination: String, start: Double, _ report: TransferReport) {
        switch style {
        case .s3daemon: line("INFO", start, request.key)
        case .s3nd: json("INFO", "upload succeeded", request, destination, report)
        }
    }

    func failed(
        _ request: TransferRequest, _ destination: String, start: Double, _ report: TransferReport, _ error: any Error
    ) {
        switch style {
        case .s3daemon: line("ERROR", start, request.key, "\n\(error)")
        case .s3nd: json("ERROR", "\(error)", request, destination, report)
        }
    }

    func setAside(_ request: TransferRequest, _ destination: String, because reason: String) {
        other("ERROR", "set aside: \(request.file) for \(request.key) of '\(destination)': \(reason)")
    }

    func note(_ text: String) { other("INFO", text) }
    func problem(_ text: String) { other("WARNING", text) }

    private func other(_ level: String, _ text: String) {
        switch style {
        case .s3daemon: write("\(level) \(clock()) s3daemon - \(text.onOneLine)\n")
        case .s3nd:
            var writer = JSONWriter()
            begin(&writer, level == "WARNING" ? "WARN" : level, text)
            writer.endObject()
            write(writer.text + "\n")
        }
    }

    /// `INFO 2024-11-05 01:02:03,004 s3daemon - 1730768522.123456 0.881000 sec - key`.
    private func line(_ level: String, _ start: Double, _ key: String, _ tail: String = "") {
        let seconds = Date().timeIntervalSince1970 - start
        let times = "\(Self.six(start)) \(Self.six(seconds)) sec"
        write("\(level) \(clock()) s3daemon - \(times) - \(key.onOneLine)\(tail)\n")
    }

    private static func six(_ value: Double) -> String {
        let micros = Int64((value * 1e6).rounded())
        let part = String(micros % 1_000_000)
        return "\(micros / 1_000_000)." + String(repeating: "0", count: 6 - part.count) + part
    }

    /// The time of day, whose seconds are written once for all lines that have the same.
    private func clock(_ mark: String = " ", _ point: String = ",") -> String {
        let now = Date().timeIntervalSince1970
        let millis = String(Int((now - now.rounded(.down)) * 1000))
        return clockText.withLock { last in
            if last.seconds != time_t(now) { last = (time_t(now), Self.clock(time_t(now), mark)) }
            return last.text + point + String(repeating: "0", count: 3 - millis.count) + millis
        }
    }

    private static func clock(_ time: time_t, _ mark: String) -> String {
        var seconds = time
        var parts = tm()
        localtime_r(&seconds, &parts)
        func pad(_ value: Int32, _ width: Int = 2) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return "\(pad(parts.tm_year + 1900, 4))-\(pad(parts.tm_mon + 1))-\(pad(parts.tm_mday))\(mark)"
            + "\(pad(parts.tm_hour)):\(pad(parts.tm_min)):\(pad(parts.tm_sec))"
    }

    private func begin(_ writer: inout JSONWriter, _ level: String, _ text: String) {
        writer.beginObject()
        writer.key("time")
        writer.value(clock("T", "."))
        writer.key("level")
        writer.value(level)
        writer.key("msg")
        writer.value(text)
    }

    private func json(
        _ level: String, _ text: String, _ request: TransferRequest, _ destination: String, _ report: TransferReport
    ) {
        var writer = JSONWriter()
        begin(&writer, level, text)
        writer.key("destination")
        writer.value(destination)
        writer.key("task")
        writer.value(encoded: TaskDocument(request, report, succeeded: level == "INFO").bytes)
        writer.endObject()
        write(writer.text + "\n")
    }

    private func write(_ text: String) {
        var text = text
        // One write, so that lines do not mix; a log that cannot be written must not stop the images.
        text.withUTF8 { bytes in
            watch.timing { _ = Foundation.write(descriptor, bytes.baseAddress, bytes.count) }
        }
    }

    /// Whether lines are written without waits.
    var isQuick: Bool { watch.isQuick }
}
