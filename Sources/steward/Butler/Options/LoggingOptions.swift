import ArgumentParser

/// What to log and where to; the same options as Rubin's `butler`.
struct LoggingOptions: ParsableArguments {
    @Option(
        name: .customLong("log-level"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Least level to log: CRITICAL, ERROR, WARNING, INFO, VERBOSE, DEBUG or TRACE, in either case.",
            discussion: """
                With COMPONENT=LEVEL it holds for one component only; '.' is the root of all. (default: INFO)
                """, valueName: "[component=]level"))
    var levels: [String] = []

    @Flag(name: .customLong("long-log"), help: "Log with level, time and labels.")
    var isLong = false

    @Option(
        name: .customLong("log-file"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Append log messages to a file too; as JSON, one record a line, if its name ends in .json.",
            valueName: "file"))
    var files: [String] = []

    @Flag(
        name: .customLong("log-tty"), inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Log to standard error.")
    var logsToTerminal = true

    @Option(
        name: .customLong("log-label"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Label to put into log records.", valueName: "key=value"))
    var labels: [String] = []

    func settings() throws -> LogSettings {
        var settings = LogSettings(
            isLong: isLong, logsToTerminal: logsToTerminal, files: CommaSeparated.values(files), labels: [])
        for text in CommaSeparated.values(levels) {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count <= 2, let level = LogLevel(name: String(parts[parts.count - 1])) else {
                throw ValidationError(
                    "'\(text)' is no log level; use \(LogLevel.allCases.map(\.name).joined(separator: ", ")), "
                        + "optionally after COMPONENT=.")
            }
            settings.set(level, component: parts.count == 2 ? String(parts[0]) : nil)
        }
        for text in CommaSeparated.values(labels) {
            guard let separator = text.firstIndex(of: "=") else {
                throw ValidationError("Log label '\(text)' is not of the form KEY=VALUE.")
            }
            settings.labels.append(
                (text[..<separator].uppercased(), String(text[text.index(after: separator)...])))
        }
        return settings
    }
}
