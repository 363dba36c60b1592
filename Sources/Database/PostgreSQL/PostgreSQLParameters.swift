import CLibPQ
import Foundation

extension DatabaseURL {
    /// Which server and database a URL of PostgreSQL leads to, for all users and spellings the same as far as the URL and the
    /// variables of the client library tell.
    package func place(variables: [String: String]) -> String { PostgreSQLParameters(self).place(variables) }
}

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

    init(_ url: DatabaseURL) {
        displayName = url.description
        values = [("fallback_application_name", "steward")]
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

    /// The server, as far as these tell: which of its databases and users is left out.
    var server: String {
        ["service", "host", "hostaddr", "port"].map { name in values.last { $0.name == name }?.value ?? "" }
            .joined(separator: ";")
    }

    /// The server and its database, as far as these and the variables of the library tell; for all users the same.
    func place(_ variables: [String: String]) -> String {
        func value(_ name: String, _ variable: String) -> String? {
            values.last { $0.name == name }?.value ?? variables[variable]
        }
        let service = value("service", "PGSERVICE")
        let port = value("port", "PGPORT") ?? (service == nil ? "5432" : "")
        return [
            service ?? "", (value("host", "PGHOST") ?? "").lowercased(), value("hostaddr", "PGHOSTADDR") ?? "", port,
            value("dbname", "PGDATABASE") ?? "",
        ].joined(separator: ";")
    }

    // MARK: - Limits

    /// What the library would use for these: with what variables and the service add. Empty without the library.
    ///
    /// Cost: that of reading the service's file. It makes no connection.
    func inEffect() -> [String: String] {
        guard steward_libpq_problem() == nil else { return [:] }
        // The library tells it of connections only, made or not. In a folder that is none there can be no socket.
        let attempt = adding([("host", "/dev/null")]).withArrays { names, values in
            PQconnectStartParams(names, values, 0)
        }
        defer { PQfinish(attempt) }
        guard let options = PQconninfo(attempt) else { return [:] }
        defer { PQconninfoFree(options) }
        var found: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.value { found[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return found
    }

    /// These with limits where nobody has set any: a connection is given up, and a dead peer noticed within a minute.
    ///
    /// - Parameter known: what is in effect; what is handed to the library would overrule variables and service.
    func limited(by patience: PostgreSQLPatience, among known: [String: String]) -> PostgreSQLParameters {
        let limits = [
            ("connect_timeout", String(patience.connecting.components.seconds)), ("keepalives_idle", "20"),
            ("keepalives_interval", "10"), ("keepalives_count", "3"), ("tcp_user_timeout", "60000"),
        ]
        return adding(limits.filter { (known[$0.0] ?? "").isEmpty })
    }

    func adding(_ more: [(name: String, value: String)]) -> PostgreSQLParameters {
        var copy = self
        copy.values += more
        return copy
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
