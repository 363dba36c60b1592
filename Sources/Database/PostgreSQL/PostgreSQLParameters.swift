import Foundation

/// How to reach a PostgreSQL server: the parameters of its client library.
///
/// What a URL leaves out the library finds itself: in the variables `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`,
/// `PGSSLMODE` and their like, in the service that `service` or `PGSERVICE` names (`PGSERVICEFILE`,
/// `~/.pg_service.conf`), and for the password in `passfile` or `PGPASSFILE` (`~/.pgpass`).
/// Source: PostgreSQL 15 documentation, sections 34.1.2, 34.15 to 34.17.
struct PostgreSQLParameters: Sendable {
    /// In the order in which they are given; a later one of the same name wins.
    private(set) var values: [(name: String, value: String)]
    /// The address for messages, without any password.
    let displayName: String

    /// What is added where nobody says anything: a dead peer is noticed within a minute. What is handed to the library
    /// would overrule the variable and the service, which therefore count first; a service counts as a whole.
    private static let timeouts: [(name: String, value: String)] = [
        ("connect_timeout", "10"), ("keepalives_idle", "20"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "60000"),
    ]

    /// - Parameter variables: the environment, for what it says of timeouts; the library itself looks at the rest.
    init(_ url: DatabaseURL, variables: [String: String] = ProcessInfo.processInfo.environment) {
        displayName = url.description
        values = [("fallback_application_name", "steward")]
        let namesService = url.query.contains { $0.name == "service" } || variables["PGSERVICE"] != nil
        if !namesService {
            values += Self.timeouts.filter { $0.name != "connect_timeout" || variables["PGCONNECT_TIMEOUT"] == nil }
        }
        func add(_ name: String, _ value: String?) {
            if let value { values.append((name, value)) }
        }
        add("host", url.host)
        add("port", url.port.map(String.init))
        add("user", url.user)
        add("password", url.password)
        add("dbname", url.database)
        // Several hosts come as repeated options `host=name:port`.
        let hosts = url.query.filter { $0.name == "host" }.map(\.value)
        if hosts.count > 1 || hosts.contains(where: { !$0.hasPrefix("/") && $0.contains(":") && !$0.contains(",") }) {
            let parts = hosts.map { $0.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false) }
            add("host", parts.map { String($0[0]) }.joined(separator: ","))
            if parts.contains(where: { $0.count > 1 }) {
                add("port", parts.map { $0.count > 1 ? String($0[1]) : "" }.joined(separator: ","))
            }
        } else {
            add("host", hosts.first)
        }
        for option in url.query where option.name != "host" { add(option.name, option.value) }
        // Texts go over the wire as this process has them.
        add("client_encoding", "UTF8")
    }

    /// Calls `body` with the null-terminated arrays that the library takes.
    func withArrays<R>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> R
    ) -> R {
        let names = values.map { strdup($0.name) }
        let texts = values.map { strdup($0.value) }
        defer {
            for address in names + texts { free(address) }
        }
        let keywords: [UnsafePointer<CChar>?] = names.map { $0.map { UnsafePointer($0) } } + [nil]
        let contents: [UnsafePointer<CChar>?] = texts.map { $0.map { UnsafePointer($0) } } + [nil]
        return keywords.withUnsafeBufferPointer { keywords in
            contents.withUnsafeBufferPointer { contents in
                // Neither array is empty, as each ends with a null.
                body(keywords.baseAddress!, contents.baseAddress!)
            }
        }
    }
}
