/// How much a log message matters, with the numbers of Python's `logging` and its two Rubin additions.
enum LogLevel: Int, CaseIterable, Comparable, Sendable {
    case critical = 50
    case error = 40
    case warning = 30
    case info = 20
    case verbose = 15
    case debug = 10
    case trace = 5

    var name: String {
        switch self {
        case .critical: "CRITICAL"
        case .error: "ERROR"
        case .warning: "WARNING"
        case .info: "INFO"
        case .verbose: "VERBOSE"
        case .debug: "DEBUG"
        case .trace: "TRACE"
        }
    }

    /// The level of this name, in either case.
    init?(name: String) {
        let wanted = name.uppercased()
        guard let level = Self.allCases.first(where: { $0.name == wanted }) else { return nil }
        self = level
    }

    static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// What to log and where to.
struct LogSettings: Sendable {
    var isLong: Bool
    var logsToTerminal: Bool
    var files: [String]
    /// Keys in upper case.
    var labels: [(key: String, value: String)]
    private var levels: [(component: String, level: LogLevel)] = []

    init(
        isLong: Bool = false, logsToTerminal: Bool = true, files: [String] = [],
        labels: [(key: String, value: String)] = []
    ) {
        self.isLong = isLong
        self.logsToTerminal = logsToTerminal
        self.files = files
        self.labels = labels
    }

    /// Names of this program's root component. Scripts written for Rubin's `butler` use its package name.
    private static let rootNames: Set<String> = ["steward", "lsst"]

    /// - Parameter component: `nil` means this program; `.` or an empty name means everything.
    mutating func set(_ level: LogLevel, component: String?) {
        switch component {
        case nil: levels.append((CommandLog.root, level))
        case "", ".": levels.append(("", level))
        case let name? where Self.rootNames.contains(name): levels.append((CommandLog.root, level))
        case let name?: levels.append((name, level))
        }
    }

    /// The least level that a component logs: that of the longest name that it starts with; of equal ones, the last.
    func threshold(of component: String) -> LogLevel {
        var found: (component: String, level: LogLevel) = (CommandLog.root, .info)
        for setting in levels where Self.covers(setting.component, component) {
            if setting.component.utf8.count >= found.component.utf8.count { found = setting }
        }
        return found.level
    }

    private static func covers(_ ancestor: String, _ component: String) -> Bool {
        ancestor.isEmpty || component == ancestor || component.hasPrefix(ancestor + ".")
    }
}
