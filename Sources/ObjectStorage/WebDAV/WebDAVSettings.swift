import StructuredData

/// How single servers of `dav` and `davs` locations are spoken to: the file that `LSST_RESOURCES_WEBDAV_CONFIG` names,
/// with an entry for each `base_url`.
///
/// Of the settings of `lsst.resources` those count that say who the client is (`user_name` and `user_password`, `token`,
/// `user_cert` and `user_key`), whom it trusts (`trusted_authorities`), how long it waits (`timeout_connect`,
/// `timeout_read`, in seconds) and how often it tries again (`retries`). The others are about Python's buffers.
struct WebDAVSettings: Sendable {
    struct Server: Sendable, Hashable {
        var http: HTTPSettings
        var authorization: HTTPAuthorization
    }

    static let variable = "LSST_RESOURCES_WEBDAV_CONFIG"
    private var servers: [String: Server] = [:]

    /// Reads the file, if one is named. Blocks.
    ///
    /// - Throws: `ObjectStorageError.invalidSettings`.
    init(environment: [String: String]) throws(ObjectStorageError) {
        guard var path = environment[Self.variable], !path.isEmpty else { return }
        path = Self.expanded(path, environment)
        if path.hasPrefix("~/"), let home = environment["HOME"] { path = home + path.dropFirst() }
        func failure(_ reason: String) -> ObjectStorageError {
            .invalidSettings(reason: "the file '\(path)', which \(Self.variable) names, \(reason)")
        }
        guard let text = try SmallFile.text(path) else { throw failure("is not there") }
        let document: StructuredValue
        do { document = try StructuredValue(yaml: text) } catch { throw failure("is not YAML: \(error)") }
        guard let entries = document.arrayValue else { throw failure("is not a list of servers") }
        for entry in entries {
            func value(_ key: String) throws(ObjectStorageError) -> String? {
                guard let value = entry[key], !value.isNull else { return nil }
                guard let text = value.stringValue else { throw failure("has a '\(key)' that is no text") }
                return Self.expanded(text, environment)
            }
            func seconds(_ key: String, _ usual: Double) throws(ObjectStorageError) -> Duration {
                guard let value = entry[key], !value.isNull else { return .seconds(usual) }
                guard let number = value.numberValue, number > 0, number < 1e6 else {
                    throw failure("has a '\(key)' that is no number of seconds")
                }
                return .seconds(number)
            }
            guard let url = try value("base_url"), let base = try? ResourceURI(url), !base.authority.isEmpty else {
                throw failure("has an entry without 'base_url', as in davs://host:1234/")
            }
            var http = HTTPSettings()
            http.connectTimeout = try seconds("timeout_connect", 10)
            http.idleTimeout = try seconds("timeout_read", 300)
            http.certificates = try value("trusted_authorities")
            if let retries = entry["retries"]?.intValue { http.retries.attempts = Int(clamping: max(0, retries)) + 1 }
            if let certificate = try value("user_cert") {
                http.identity = .init(certificate: certificate, key: try value("user_key") ?? certificate)
            }
            var authorization = HTTPAuthorization.none
            if let token = try value("token") {
                authorization = token.hasPrefix("/") ? .bearerFile(token) : .bearer(token)
            } else if let user = try value("user_name"), let password = try value("user_password") {
                authorization = .basic(user: user, password: password)
            }
            guard servers.updateValue(Server(http: http, authorization: authorization), forKey: Self.name(base)) == nil
            else { throw failure("has two entries for \(base)") }
        }
    }

    /// What is said of the server of a location; `nil` for nothing.
    func server(of root: ResourceURI) -> Server? { servers[Self.name(root)] }

    /// `https://host:port`, whichever of its two names the scheme has.
    private static func name(_ location: ResourceURI) -> String {
        "\(location.scheme.replacing("dav", with: "http"))://\(location.authority.lowercased())"
    }

    /// With `$NAME` and `${NAME}` replaced by variables that there are.
    private static func expanded(_ text: String, _ environment: [String: String]) -> String {
        text.replacing(/\$(?:\{(\w+)\}|(\w+))/) { match in
            environment[String(match.output.1 ?? match.output.2 ?? "")] ?? String(match.output.0)
        }
    }
}
