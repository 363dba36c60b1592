import ObjectStorage
import StructuredData

/// Settings by name, from the environment first and from a configuration file otherwise.
struct ServeSettings {
    /// One value and where it comes from, for messages.
    struct Setting {
        let origin: String
        let value: StructuredValue

        func failure(_ reason: String) -> ServeError { .badSetting(origin: origin, reason: reason) }

        func text() throws(ServeError) -> String {
            guard let text = value.stringValue else { throw failure("must be a text, not \(value.kindName)") }
            return text
        }

        /// A value with parts, which variables spell as JSON.
        func document() throws(ServeError) -> StructuredValue {
            guard let text = value.stringValue else { return value }
            do { return try StructuredValue(json: text) } catch { throw failure("is not JSON: \(error)") }
        }

        /// A whole number, which variables spell as text.
        func number(in range: ClosedRange<Int64>) throws(ServeError) -> Int64 {
            guard let number = value.intValue ?? value.stringValue.flatMap({ Int64($0) }), range.contains(number) else {
                throw failure("must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }

        func choice<Choice: RawRepresentable & CaseIterable>(
            of type: Choice.Type
        ) throws(ServeError) -> Choice where Choice.RawValue == String {
            let text = try text()
            guard let choice = Choice(rawValue: text) else {
                let known = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
                throw failure("is '\(text)'; it must be \(known)")
            }
            return choice
        }
    }

    private let environment: [String: String]
    private let file: ServeFile?

    /// - Throws: ``ServeError/unknownVariable(_:nearest:)`` for a variable that looks like a setting and is none.
    init(environment: [String: String], file: ServeFile?) throws(ServeError) {
        self.environment = environment
        self.file = file
        for (name, value) in environment.sorted(by: { $0.key < $1.key })
        where !value.isEmpty && Self.prefixes.contains(where: name.hasPrefix) && !Self.variables.contains(name) {
            throw .unknownVariable(name, nearest: NearestName.of(name, among: Self.variables))
        }
    }

    /// Other variables that begin with `STEWARD_` are none of the server's business: clusters and tests make up some.
    private static let prefixes = [
        "DAF_BUTLER_SERVER_", "STEWARD_LIMITS_", "STEWARD_TIMEOUTS_", "STEWARD_TLS_", "STEWARD_TOKEN_",
        "STEWARD_SIGNED_URL_", "STEWARD_NEAR_COPIES",
    ]

    private static let variables: Set<String> = {
        var names: Set = [
            "DAF_BUTLER_SERVER_REPOSITORIES", "DAF_BUTLER_SERVER_GAFAELFAWR_URL", "DAF_BUTLER_SERVER_AUTHENTICATION",
            "DAF_BUTLER_SERVER_STATIC_FILES_PATH", "STEWARD_SIGNED_URL_LIFETIME", "STEWARD_SIGNED_URL_SECRET_FILE",
            "STEWARD_S3_SIGNATURE", "STEWARD_LOG_LEVEL", "STEWARD_NEAR_COPIES", "STEWARD_NEAR_COPIES_SECRET_FILE",
        ]
        for key in ServeFile.keys {
            let parts = key.split(separator: ".")
            switch parts.first {
            case "limits", "timeouts", "tls": names.insert(variable(key))
            case "tokens": names.insert("STEWARD_TOKEN_\(parts[1].uppercased())")
            default: break
            }
        }
        return names
    }()

    /// `limits.streams_per_user` is also `STEWARD_LIMITS_STREAMS_PER_USER`.
    static func variable(_ key: String) -> String {
        "STEWARD_" + String(key.map { $0 == "." ? "_" : $0 }).uppercased()
    }

    /// - Parameters:
    ///   - key: the place in the file; a dot leads into a section.
    ///   - variable: an environment variable. An empty one counts as unset.
    subscript(key: String, variable: String?) -> Setting? {
        if let variable, let text = environment[variable], !text.isEmpty {
            return Setting(origin: "Environment variable \(variable)", value: .string(text))
        }
        guard let file, let value = file[key], value != .null else { return nil }
        return Setting(origin: "'\(key)' in '\(file.path)'", value: value)
    }
}

/// A configuration file of `steward serve`, in YAML.
public struct ServeFile: Sendable {
    public let path: String
    private let values: StructuredMapping

    /// All settings; a dot leads into a section.
    static let keys: Set<String> = [
        "host", "port", "log_format", "trusted_proxies", "repositories", "gafaelfawr_url", "authentication",
        "static_files_path", "near_copies", "near_copies_secret_file", "signed_urls.lifetime", "signed_urls.secret_file", "signed_urls.s3_signature",
        "tokens.issuer", "tokens.audience", "tokens.key_set", "tokens.secret_file", "tokens.user_claim",
        "tokens.groups_claim",
        "log_level", "tls.certificate", "tls.key",
        "limits.connections", "limits.requests", "limits.streams", "limits.streams_per_user", "limits.waiting",
        "limits.waiting_per_user", "limits.read_connections", "limits.body_bytes", "limits.rows",
        "timeouts.idle", "timeouts.request_head", "timeouts.request_body", "timeouts.stalled_response",
        "timeouts.half_closed", "timeouts.queue", "timeouts.queue_of_user", "timeouts.shutdown",
        "timeouts.shutdown_delay", "timeouts.query", "timeouts.slow_reader",
    ]

    private static func unknown(_ path: String, _ key: String) -> ServeError {
        let sections = keys.compactMap { key in key.firstIndex(of: ".").map { String(key[..<$0]) } }
        let nearest = NearestName.of(key, among: keys.union(sections))
        return .badFile(
            path: path,
            reason: "has a setting '\(key)' that is not known" + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
    }

    /// - Throws: ``ServeError/badFile(path:reason:)`` for text that is no mapping, and for keys that are not known.
    public init(path: String, text: String) throws(ServeError) {
        self.path = path
        let document: StructuredValue
        do {
            document = try StructuredValue(yaml: text)
        } catch {
            throw .badFile(path: path, reason: "is not YAML: \(error)")
        }
        guard let values = document == .null ? [:] : document.objectValue else {
            throw .badFile(path: path, reason: "must hold a mapping of settings, not \(document.kindName)")
        }
        self.values = values
        for (key, value) in values.pairs where !Self.keys.contains(key) {
            guard Self.keys.contains(where: { $0.hasPrefix("\(key).") }) else {
                throw Self.unknown(path, key)
            }
            // Who means to check tokens and says nothing of them would have an open server.
            guard key != "tokens" || value != .null else {
                throw .badFile(path: path, reason: "has an empty section 'tokens'; fill it in or remove it")
            }
            guard let section = value == .null ? [:] : value.objectValue else {
                throw .badFile(path: path, reason: "needs a mapping under '\(key)'")
            }
            for name in section.keys where !Self.keys.contains("\(key).\(name)") {
                throw Self.unknown(path, "\(key).\(name)")
            }
        }
    }

    /// Reads a file. Blocks.
    ///
    /// - Throws: ``ServeError/badFile(path:reason:)``, also for a file that is not there; `ObjectStorageError`.
    public init(readingFrom path: String) throws {
        guard let text = try SmallFile.text(path) else {
            throw ServeError.badFile(path: path, reason: "does not exist")
        }
        try self.init(path: path, text: text)
    }

    subscript(key: String) -> StructuredValue? {
        let parts = key.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return values[key] }
        return values[parts[0]]?[parts[1]]
    }
}
