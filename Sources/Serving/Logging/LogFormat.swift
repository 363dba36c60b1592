public import Logging

/// The form of log lines on standard error.
public enum LogFormat: String, Sendable, CaseIterable {
    /// `2026-11-23T19:33:42.120Z info request method=GET path=/ status=200`.
    case line
    /// One JSON object a line: `{"time":"…","level":"info","message":"request","method":"GET",…}`.
    case json

    public func logger(label: String, level: Logger.Level) -> Logger {
        var logger = Logger(label: label) { LineLogHandler(label: $0, format: self, output: .standardError) }
        logger.logLevel = level
        return logger
    }
}
