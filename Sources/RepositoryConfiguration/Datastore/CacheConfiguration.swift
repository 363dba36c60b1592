import StructuredData

/// Where and how long local copies of remote files are kept.
public struct CacheConfiguration: Sendable {
    /// When copies go: once there are more than so many datasets, files or bytes, or once older than so many seconds.
    public enum Expiry: Sendable, Equatable {
        case never
        case datasets(Int)
        case files(Int)
        /// Bytes.
        case size(Int)
        /// Seconds.
        case age(Int)
    }

    /// The directory; `nil` for a temporary one of this process.
    public var directory: ConfigurationLocation?
    public var expiry: Expiry
    public var cacheable: LookupTable<Bool>
    /// What happens to datasets that no key matches.
    public var fallback: Bool

    public init(directory: ConfigurationLocation?, expiry: Expiry, cacheable: LookupTable<Bool>, fallback: Bool) {
        self.directory = directory
        self.expiry = expiry
        self.cacheable = cacheable
        self.fallback = fallback
    }

    static let modes = ["datasets", "files", "size", "age", "disabled"]

    /// Reads the `cached` section; `DAF_BUTLER_CACHE_DIRECTORY`, `DAF_BUTLER_CACHE_DIRECTORY_IF_UNSET` and
    /// `DAF_BUTLER_CACHE_EXPIRATION_MODE` override it. `nil` if the cache is disabled.
    init?(_ section: ConfigurationSection, environment: ConfigurationEnvironment) throws {
        let expirySection = try section.section("expiry")
        var mode = try expirySection?.string("mode")
        var threshold = try expirySection?.int("threshold")
        var source = section.location
        var key = section.keyPath("expiry")
        let variable = "DAF_BUTLER_CACHE_EXPIRATION_MODE"
        if let text = environment[variable] {
            (source, key) = ("the environment", variable)
            guard let (name, limit) = Self.expiry(text) else {
                throw ConfigurationError.invalidValue(
                    location: source, key: key, value: text,
                    remedy: "use disabled, or datasets, files, size or age followed by = and an integer")
            }
            (mode, threshold) = (name, limit)
        }
        switch mode {
        case nil: expiry = .never
        case "disabled": return nil
        case let mode?:
            guard Self.modes.contains(mode) else {
                throw ConfigurationError.invalidValue(
                    location: source, key: key, value: mode, remedy: "use one of \(Self.modes.joined(separator: ", "))")
            }
            guard let threshold else { throw ConfigurationError.missingKey(location: source, key: key + ".threshold") }
            switch mode {
            case "datasets": expiry = .datasets(Int(threshold))
            case "files": expiry = .files(Int(threshold))
            case "size": expiry = .size(Int(threshold))
            default: expiry = .age(Int(threshold))
            }
        }
        directory = nil
        let path =
            try environment["DAF_BUTLER_CACHE_DIRECTORY"] ?? section.string("root")
            ?? environment["DAF_BUTLER_CACHE_DIRECTORY_IF_UNSET"]
        if let path {
            let location = ConfigurationLocation(path, environment: environment).asDirectory
            guard location.isLocal else {
                throw ConfigurationError.invalidValue(
                    location: section.location, key: section.keyPath("root"), value: path,
                    remedy: "use a local directory")
            }
            directory = location
        }
        fallback = try section.bool("default") ?? false
        guard let keys = try section.section("cacheable") else {
            cacheable = LookupTable(entries: [])
            return
        }
        cacheable = try LookupTable(keys) { value, key in
            guard let flag = value.boolValue else {
                throw ConfigurationError.wrongType(
                    location: keys.location, key: key, expected: "true or false", found: value.kindName)
            }
            return flag
        }
    }

    private static func expiry(_ text: String) -> (mode: String, threshold: Int64)? {
        if text == "disabled" { return (text, 0) }
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let threshold = Int64(parts[1]) else { return nil }
        return (String(parts[0]), threshold)
    }

    /// Whether a copy of this dataset is kept.
    public func caches(_ subject: LookupSubject) -> Bool { cacheable.match(subject)?.value ?? fallback }
}
