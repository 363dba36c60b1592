import Foundation

/// Where a database is, in the form that repository configurations use:
/// `sqlite:///relative`, `sqlite:////absolute`, `sqlite://` (in memory) or
/// `dialect[+driver]://user:password@host:port/database?query`.
///
/// Source: repository format reference, section 1.4. The parts are percent-decoded, except the path of an SQLite file,
/// which is taken as it is. The password appears in no description.
public struct DatabaseURL: Hashable, Sendable {
    /// The database system, such as `sqlite` or `postgresql`.
    public var dialect: String
    /// The client library after `+`, which only its own language needs.
    public var driver: String?
    public var user: String?
    public var password: String?
    public var host: String?
    public var port: Int?
    /// The path of an SQLite file (`nil`: in memory) or the name of a database.
    public var database: String?
    /// The options after `?`, in order.
    public var query: [Option]

    public struct Option: Hashable, Sendable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// - Throws: ``DatabaseError/invalidURL(_:reason:)``, which shows the URL without its password.
    public init(parsing text: String) throws(DatabaseError) {
        func refusal(_ reason: String) -> DatabaseError { .invalidURL(Self.withoutPassword(text), reason: reason) }

        guard let separator = text.range(of: "://") else { throw refusal("it has no '://'") }
        let scheme = text[..<separator.lowerBound].split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = scheme.first, !name.isEmpty,
            scheme.joined().utf8.allSatisfy({ ("a"..."z").contains(UnicodeScalar($0)) || Self.isSchemeMark($0) })
        else { throw refusal("it does not begin with the name of a database system") }
        dialect = name == "postgres" ? "postgresql" : String(name)
        driver = scheme.count > 1 ? String(scheme[1]) : nil

        var rest = text[separator.upperBound...]
        query = []
        if dialect != "sqlite", let at = Self.endOfPlainPassword(rest) {
            try setCredentials(rest[..<at], refusal)
            rest = rest[rest.index(after: at)...]
        }
        if let mark = rest.firstIndex(of: "?") {
            for pair in rest[rest.index(after: mark)...].split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let decoded = parts.map { Self.decoded($0.replacing("+", with: " ")) }
                guard decoded.allSatisfy({ $0 != nil }) else { throw refusal("an option is not percent-encoded text") }
                query.append(Option(name: decoded[0] ?? "", value: parts.count > 1 ? decoded[1] ?? "" : ""))
            }
            rest = rest[..<mark]
        }

        let slash = rest.firstIndex(of: "/")
        let authority = rest[..<(slash ?? rest.endIndex)]
        let path = slash.map { String(rest[rest.index(after: $0)...]) } ?? ""
        if dialect == "sqlite" {
            guard authority.isEmpty else {
                throw refusal("an SQLite URL has no host; an absolute path begins with four slashes")
            }
            database = path.isEmpty || path == ":memory:" ? nil : path
            return
        }

        guard let name = Self.decoded(path) else { throw refusal("the database name is not percent-encoded text") }
        database = name.isEmpty ? nil : name
        // People write passwords with '@' unencoded: the last one counts.
        var address = authority
        if let at = authority.lastIndex(of: "@") {
            try setCredentials(authority[..<at], refusal)
            address = authority[authority.index(after: at)...]
        }
        var portText: Substring?
        if address.hasPrefix("["), let close = address.firstIndex(of: "]") {
            host = String(address[address.index(after: address.startIndex)..<close])
            let tail = address[address.index(after: close)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw refusal("the port must follow ']' and ':'") }
            portText = tail.isEmpty ? nil : tail.dropFirst()
        } else {
            let parts = address.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            host = parts.first.flatMap { $0.isEmpty ? nil : String($0) }
            portText = parts.count > 1 ? parts[1] : nil
        }
        if let portText, !portText.isEmpty {
            guard let port = Int(portText), (1...65535).contains(port) else {
                throw refusal("its port is not a number from 1 to 65535")
            }
            self.port = port
        }
    }

    private mutating func setCredentials(
        _ text: Substring, _ refusal: (String) -> DatabaseError
    ) throws(DatabaseError) {
        let credentials = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let user = Self.decoded(credentials[0]) else { throw refusal("the user is not percent-encoded text") }
        self.user = user.isEmpty ? nil : user
        guard credentials.count > 1 else { return }
        guard let password = Self.decoded(credentials[1]) else {
            throw refusal("the password is not percent-encoded text")
        }
        self.password = password
    }

    /// The `@` after a password that has '/' or '?' unencoded, as SQLAlchemy takes it: up to the first `@`. A host and a
    /// port before options with an `@` are no user and password.
    private static func endOfPlainPassword(_ text: Substring) -> Substring.Index? {
        let authority = text.prefix { $0 != "/" && $0 != "?" }
        guard let colon = authority.firstIndex(of: ":"), !authority.hasPrefix("["), !authority.contains("@"),
            let at = text.firstIndex(of: "@")
        else { return nil }
        let port = authority[authority.index(after: colon)...]
        let isPort = !port.isEmpty && port.allSatisfy { $0.isASCII && $0.isNumber }
        return isPort && text[..<at].contains("?") ? nil : at
    }

    private static func isSchemeMark(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
    }

    private static func decoded(_ text: some StringProtocol) -> String? { String(text).removingPercentEncoding }

    /// The text of a URL that may not even be valid, without anything that may be secret: what precedes the last `@`,
    /// and the options.
    private static func withoutPassword(_ text: String) -> String {
        let scheme = text.range(of: "://").map { text[..<$0.upperBound] } ?? ""
        var rest = text[scheme.endIndex...]
        if let at = rest.lastIndex(of: "@") { rest = "***" + rest[at...] }
        if let mark = rest.firstIndex(of: "?") { rest = rest[...mark] + "***" }
        return String(scheme) + rest
    }
}

extension DatabaseURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The URL with `***` for the password. Parts are percent-encoded where they must be.
    public var description: String {
        var text = dialect + (driver.map { "+" + $0 } ?? "") + "://"
        if dialect == "sqlite" {
            text += database.map { "/" + $0 } ?? ""
        } else {
            if user != nil || password != nil {
                text += Self.encoded(user ?? "") + (password == nil ? "" : ":***") + "@"
            }
            let address = host ?? ""
            text += address.contains(":") ? "[\(address)]" : address
            text += port.map { ":\($0)" } ?? ""
            text += database.map { "/" + Self.encoded($0) } ?? ""
        }
        if !query.isEmpty {
            let secrets: Set = ["password", "sslpassword", "passfile"]
            text +=
                "?"
                + query.map { option in
                    Self.encoded(option.name) + "="
                        + (secrets.contains(option.name) ? "***" : Self.encoded(option.value))
                }.joined(separator: "&")
        }
        return text
    }

    public var debugDescription: String { description }

    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~")))
            ?? "***"
    }
}
