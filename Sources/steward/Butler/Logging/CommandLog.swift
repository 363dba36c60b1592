import Foundation
import StructuredData

/// The log of one command: lines on standard error and in files.
struct CommandLog: Sendable {
    static let root = "steward"

    private let settings: LogSettings
    private let component: String
    private let threshold: LogLevel

    /// - Parameter command: the command's name, as in `query-datasets`.
    init(_ settings: LogSettings, command: String) {
        self.settings = settings
        component = "\(Self.root).butler.\(command.replacing("-", with: "_"))"
        threshold = settings.threshold(of: component)
    }

    func debug(_ message: @autoclosure () -> String) throws { try write(.debug, message) }
    func info(_ message: @autoclosure () -> String) throws { try write(.info, message) }
    func warning(_ message: @autoclosure () -> String) throws { try write(.warning, message) }
    func critical(_ message: @autoclosure () -> String) throws { try write(.critical, message) }

    private func write(_ level: LogLevel, _ message: () -> String) throws {
        guard level >= threshold, settings.logsToTerminal || !settings.files.isEmpty else { return }
        let text = message()
        let line = settings.isLong ? longLine(level, text) : "\(component) \(level.name): \(text)"
        if settings.logsToTerminal { StandardStream.error.write(line + "\n") }
        for file in settings.files {
            try append(file.hasSuffix(".json") ? jsonLine(level, text) : line, to: file)
        }
    }

    private func longLine(_ level: LogLevel, _ message: String) -> String {
        let label = settings.labels.last { $0.key == "LABEL" }?.value ?? ""
        return "\(level.name) \(Self.time(Date())) \(component) (\(label)) - \(message)"
    }

    /// A record with the members of Rubin's `ButlerLogRecord`, so that a log file can be read as such.
    private func jsonLine(_ level: LogLevel, _ message: String) -> String {
        var labels = StructuredMapping()
        for (key, value) in settings.labels { labels[key] = .string(value) }
        var writer = JSONWriter()
        writer.value(
            [
                "name": .string(component),
                "asctime": .string(Self.time(Date())),
                "message": .string(message),
                "levelno": .int(Int64(level.rawValue)),
                "levelname": .string(level.name),
                "filename": "",
                "pathname": "",
                "lineno": 0,
                "funcName": nil,
                "process": .int(Int64(ProcessInfo.processInfo.processIdentifier)),
                "processName": "steward",
                "exc_info": nil,
                "MDC": .object(labels),
            ] as StructuredValue)
        return writer.text
    }

    /// UTC with milliseconds, as in `2026-01-02T03:04:05.678+00:00`.
    private static func time(_ date: Date) -> String {
        let text = Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(date)
        return (text.hasSuffix("Z") ? String(text.dropLast()) : text) + "+00:00"
    }

    private func append(_ line: String, to path: String) throws {
        do {
            if !FileManager.default.fileExists(atPath: path) {
                try Data().write(to: URL(fileURLWithPath: path))
            }
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            try handle.seekToEnd()
            try handle.write(contentsOf: Data((line + "\n").utf8))
        } catch {
            throw CommandFailure.cannotWrite("log file '\(path)'", reason: "it cannot be opened for appending")
        }
    }
}
