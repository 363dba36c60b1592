import ArgumentParser
import Foundation

/// What `steward felis` says beside its results: `LEVEL:felis:message` lines on standard error or in a file.
struct FelisLog {
    enum Level: Int, Comparable {
        case debug, info, warning, error, critical

        init?(name: String) {
            switch name {
            case "CRITICAL", "FATAL": self = .critical
            case "ERROR": self = .error
            case "WARNING": self = .warning
            case "INFO": self = .info
            case "DEBUG": self = .debug
            default: return nil
            }
        }

        var name: String { ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"][rawValue] }
        static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    private let level: Level
    private let path: String?

    init(_ felis: FelisCommand) throws {
        let environment = ProcessInfo.processInfo.environment
        let name = felis.logLevel ?? environment["FELIS_LOGLEVEL"] ?? "INFO"
        guard let level = Level(name: name) else {
            throw ValidationError(
                "--log-level should be CRITICAL, FATAL, ERROR, WARNING, INFO or DEBUG, found '\(name)'.")
        }
        self.level = level
        path = felis.logFile ?? environment["FELIS_LOGFILE"]
    }

    func write(_ level: Level, _ message: String) throws {
        guard level >= self.level else { return }
        let line = "\(level.name):felis:\(message)\n"
        guard let path else {
            StandardStream.error.write(line)
            return
        }
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let file = FileHandle(forWritingAtPath: path) else {
            throw CommandFailure.cannotWrite(path, reason: "the log file cannot be opened")
        }
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(line.utf8))
    }
}

/// Text that goes to a file, or to standard output, which may also be called `-`.
enum FelisOutput {
    static func write(_ text: String, to path: String?) throws {
        guard let path, path != "-" else {
            guard StandardStream.output.write(text) else {
                throw CommandFailure.cannotWrite("standard output", reason: String(cString: strerror(errno)))
            }
            return
        }
        try ResultFile.write(text, to: path)
    }
}
