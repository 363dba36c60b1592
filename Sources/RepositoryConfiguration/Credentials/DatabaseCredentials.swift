import ByteText
import Foundation
import StructuredData

/// User names and passwords of databases, kept outside configurations.
///
/// They come from `LSST_DB_AUTH_CREDENTIALS` (a JSON list) or else from the YAML list in the file that `LSST_DB_AUTH`
/// names (default `~/.lsst/db-auth.yaml`), which nobody but its owner may access.
public struct DatabaseCredentials: Sendable {
    /// Which connections an entry is for, and what it supplies.
    private struct Entry: Sendable {
        var dialect: String
        var username: String?
        /// A malformed address is an error only when it comes to comparing it.
        var address: Result<Address, ConfigurationError>
        /// `nil` matches every database.
        var database: FilenamePattern?
        var suppliedUsername: String?
        var password: String?
        var number: Int
    }

    private struct Address: Sendable {
        var host: FilenamePattern
        /// `nil` matches every port.
        var port: Int?
    }

    /// The user name (unchanged if the connection has one) and the password for a connection.
    public struct Match: Sendable, Equatable {
        public var username: String?
        public var password: String
    }

    /// Entries in order; a malformed one is an error only when the search reaches it.
    private let entries: [Result<Entry, ConfigurationError>]
    /// What messages call the place they came from.
    public let source: String

    public static let inlineVariable = "LSST_DB_AUTH_CREDENTIALS"
    public static let fileVariable = "LSST_DB_AUTH"
    static let defaultPath = "~/.lsst/db-auth.yaml"

    /// Reads the credentials of a user; `nil` if there are none.
    ///
    /// - Throws: ``ConfigurationError`` if the list is malformed or the file is open to group or others.
    public static func load(environment: ConfigurationEnvironment) throws -> DatabaseCredentials? {
        if let text = environment[inlineVariable] {
            let source = "$\(inlineVariable)"
            do {
                return try DatabaseCredentials(list: try StructuredValue(json: text), source: source)
            } catch let error as JSONError {
                throw ConfigurationError.credentials(source: source, reason: "\(error)")
            }
        }
        let path = environment.expandingHome(in: environment.variables[fileVariable] ?? defaultPath)
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else {
            return nil
        }
        do {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false))
            let mode = (attributes[.posixPermissions] as? NSNumber)?.uint16Value ?? 0o777
            guard mode & 0o077 == 0 else {
                throw ConfigurationError.credentialsPermissions(path: path, mode: mode & 0o7777)
            }
            let list = try StructuredValue(yaml: Array(try Data(contentsOf: URL(filePath: path))))
            return try DatabaseCredentials(list: list, source: path)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError.credentials(source: path, reason: "\(error)")
        }
    }

    /// - Parameter list: entries `{url, username, password}`.
    init(list: StructuredValue, source: String) throws {
        guard let items = list.arrayValue else {
            throw ConfigurationError.credentials(
                source: source, reason: "expected a list of entries with url and password, found \(list.kindName)")
        }
        self.source = source
        entries = items.enumerated().map { index, item in
            Self.entry(item, number: index + 1, source: source)
        }
    }

    /// What the first fitting entry supplies for a connection; `nil` if none fits.
    ///
    /// Dialect, host and database (with `*` and, in the database, `[…]`) always count; user and port only if the entry
    /// names them. The connection's own user name stays. A `?` begins a query in a URL, so it is no wildcard.
    ///
    /// - Parameter dialect: with or without a driver (`postgresql+psycopg2`).
    /// - Throws: ``ConfigurationError`` at a malformed entry before the first fitting one.
    public func match(
        dialect: String, username: String?, host: String, port: Int?, database: String
    ) throws -> Match? {
        let dialect = String(dialect.prefix { $0 != "+" })
        let username = username.flatMap { $0.isEmpty ? nil : $0 }
        for entry in entries {
            let entry = try entry.get()
            // Entries for other databases are passed over before their host is looked at.
            guard entry.dialect == dialect, entry.database?.matches(database) ?? true,
                entry.username == nil || entry.username == username
            else { continue }
            let address = try entry.address.get()
            guard address.host.matches(host), address.port == nil || address.port == port else { continue }
            guard let password = entry.password else {
                throw ConfigurationError.credentials(
                    source: source, reason: "entry \(entry.number) has no password as text; add it, in quotes")
            }
            return Match(username: username ?? entry.suppliedUsername, password: password)
        }
        return nil
    }

    // MARK: Reading entries

    private static func entry(
        _ item: StructuredValue, number: Int, source: String
    ) -> Result<Entry, ConfigurationError> {
        func problem(_ reason: String) -> ConfigurationError {
            .credentials(source: source, reason: "entry \(number) \(reason)")
        }
        guard let url = item["url"]?.stringValue else { return .failure(problem("has no url")) }
        guard let scheme = ConfigurationLocation.scheme(of: url) else {
            return .failure(problem("has the url \"\(url)\" without a dialect; begin it with e.g. postgresql://"))
        }
        guard !scheme.contains("+") else {
            return .failure(problem("has the dialect \"\(scheme)\"; leave out the driver after +"))
        }
        var rest = url.dropFirst(scheme.count + 1)
        var authority: Substring = ""
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            authority = rest.prefix { !"/?#".contains($0) }
            rest = rest.dropFirst(authority.count)
        }
        let path = rest.prefix { !"?#".contains($0) }.drop { $0 == "/" }
        var username: String?
        if let at = authority.lastIndex(of: "@") {
            username = String(authority[..<at].prefix { $0 != ":" })
            authority = authority[authority.index(after: at)...]
        }
        return .success(
            Entry(
                dialect: scheme.lowercased(), username: username, address: address(authority, problem: problem),
                database: path.isEmpty ? nil : FilenamePattern(String(path)),
                suppliedUsername: item["username"]?.stringValue, password: item["password"]?.stringValue,
                number: number))
    }

    /// `host`, `host:port` or `[IPv6]:port`. Hosts are compared in lower case.
    private static func address(
        _ text: Substring, problem: (String) -> ConfigurationError
    ) -> Result<Address, ConfigurationError> {
        var host = text
        var port: Int?
        if let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") {
            host = text[..<colon]
            let digits = text[text.index(after: colon)...]
            if !digits.isEmpty {
                guard let number = Int(digits), (0...65535).contains(number) else {
                    return .failure(problem("has the port \"\(digits)\"; use a number up to 65535"))
                }
                port = number
            }
        }
        if host.hasPrefix("["), host.hasSuffix("]"), host.contains(":") {
            host = host.dropFirst().dropLast()
        } else if host.contains(where: { "[]".contains($0) }) {
            return .failure(problem("has the host \"\(host)\"; brackets are for IPv6 addresses, use * as wildcard"))
        }
        guard !host.isEmpty else { return .failure(problem("has a url without a host")) }
        return .success(Address(host: FilenamePattern(host.lowercased()), port: port))
    }
}
