import CLibPQ

/// Turns what the server or the client library reports into typed errors.
/// Source of the codes: PostgreSQL 15 documentation, appendix A.
struct PostgreSQLErrors: Sendable {
    /// The address for messages.
    let name: String
    let busyTimeout: Duration

    /// The error of a failed result.
    func error(of result: PostgreSQLResult, statement: String, table: String?) -> any Error {
        error(
            PostgreSQLReport(
                code: result.field("C") ?? "", message: result.field("M") ?? result.message, detail: result.field("D"),
                table: result.field("t"), column: result.field("c"), constraint: result.field("n")),
            statement: statement, table: table)
    }

    func error(_ report: PostgreSQLReport, statement: String, table: String?) -> any Error {
        let message = report.message
        switch report.code {
        case "57014": return CancellationError()
        case "40001", "40P01": return DatabaseError.transactionConflict(name, reason: message)
        case "55P03": return DatabaseError.locked(name, waited: busyTimeout)
        case "25006": return DatabaseError.readOnly(name)
        case "25P02":
            return DatabaseError.invalidStatement(
                "an earlier error ended the transaction; let that error end the closure")
        case "42501": return DatabaseError.permissionDenied(name, reason: message)
        case "42P01":
            return DatabaseError.noSuchTable(Self.relation(in: message) ?? table ?? message, database: name)
        case "22003": return DatabaseError.numberOutOfRange(name)
        case "22021", "22P05": return DatabaseError.unknownCharacter(name, reason: message)
        case "53100": return DatabaseError.diskFull(name)
        case "XX001", "XX002": return DatabaseError.corrupt(name, reason: message)
        case "54000", "54001", "54011", "54023", "53200":
            return DatabaseError.statementTooComplex(reason: message, database: name)
        // The last of them: a table of this name, which is seen before its row in the system's catalogue collides.
        case "23000", "23001", "23505", "23503", "23502", "23514", "23P01", "22001", "42P07":
            return DatabaseError.constraintViolation(violation(report, table: table))
        default:
            if let error = connectionError(report) { return error }
            return DatabaseError.statementFailed(reason: message, statement: statement, database: name)
        }
    }

    /// Why a connection could not be made or has ended; `nil` for reports of other things.
    func connectionError(_ report: PostgreSQLReport) -> DatabaseError? {
        let message = report.message
        switch report.code {
        case "28P01", "28000": return .accessDenied(name, reason: message)
        case "3D000": return .cannotOpen(name, reason: message)
        case "53300": return .tooManyConnections(name)
        case "57P03": return .unavailable(name, reason: message)
        case "57P01", "57P02", "57P04", "57P05", "25P03", "25P04":
            return .connectionLost(name, reason: message, mayHaveCommitted: false)
        default:
            return report.code.hasPrefix("08")
                ? .connectionLost(name, reason: message, mayHaveCommitted: false) : nil
        }
    }

    /// Why a connection could not be made. The library tells it in words; those of the server may be in any language.
    ///
    /// - Parameter code: asks for the SQLSTATE, if the words are the server's and not English.
    func openingError(_ message: String, code: () -> String? = { nil }) -> DatabaseError {
        let reason = Self.oneLine(message)
        if let error = knownOpeningError(reason) { return error }
        if Self.isOfServer(message), let code = code(),
            let error = connectionError(PostgreSQLReport(code: code, message: reason))
        {
            return error
        }
        return .unavailable(name, reason: reason)
    }

    /// Whether the server itself refused a connection: the library's own words have no severity before them.
    static func isOfServer(_ message: String) -> Bool { message.contains(":  ") }

    private func knownOpeningError(_ reason: String) -> DatabaseError? {
        let known: [(part: String, code: String)] = [
            ("password authentication failed", "28P01"), ("no password supplied", "28P01"),
            ("pg_hba.conf", "28000"), ("authentication", "28000"), ("is not permitted to log in", "28000"),
            ("too many clients", "53300"), ("too many connections", "53300"),
            ("remaining connection slots", "53300"), ("the database system is", "57P03"),
        ]
        if let match = known.first(where: { reason.contains($0.part) }) {
            return connectionError(PostgreSQLReport(code: match.code, message: reason))
        }
        if reason.contains("role \""), reason.hasSuffix("does not exist") { return .accessDenied(name, reason: reason) }
        if reason.contains("database \""), reason.hasSuffix("does not exist") {
            return .cannotOpen(name, reason: reason)
        }
        // Names may hold any words, and encryption may also fail because the server or the network does.
        let words = reason.replacing(/"[^"]*"/, with: "")
        if Self.outages.contains(where: words.contains) { return nil }
        let isWrong = ["invalid", "definition of service", "certificate", "SSL"].contains(where: words.contains)
        return isWrong || reason.contains("missing \"=\"") ? .cannotOpen(name, reason: reason) : nil
    }

    /// What the library says of a server or a network that is not there now, also while encryption is agreed on.
    private static let outages = [
        "SSL SYSCALL error", "unexpected eof", "closed the connection unexpectedly", "closed unexpectedly",
        "could not translate host name", "Connection reset", "Connection refused", "timeout expired", "timed out",
        "No route to host", "unreachable",
    ]

    /// The SQLSTATE that ends what the library says of a server's last error, where it has been told to say no more.
    static func code(in message: String) -> String? {
        message.matches(of: /:  ([0-9A-Z]{5})(?:\n|$)/).last.map { String($0.1) }
    }

    static func oneLine(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }
            .joined(separator: "; ")
    }

    /// `relation "schema.name" does not exist`.
    private static func relation(in message: String) -> String? {
        guard let match = message.firstMatch(of: /"([^"]+)"/) else { return nil }
        return match.1.split(separator: ".").last.map(String.init)
    }

    /// Details name the columns of keys: `Key (a, b)=(1, x) already exists.`
    private func violation(_ report: PostgreSQLReport, table: String?) -> ConstraintViolation {
        var violation = ConstraintViolation(
            kind: .other, table: table ?? report.table, columns: [], constraint: report.constraint, database: name)
        if let match = report.detail?.firstMatch(of: /^Key \(([^)]*)\)=/) {
            violation.columns = match.1.split(separator: ",").map { column in
                column.trimming { $0 == " " || $0 == "\"" }
            }
        } else if let column = report.column {
            violation.columns = [column]
        }
        switch report.code {
        case "23505":
            let isKey = report.table.map { report.constraint == $0 + "_pkey" } ?? false
            violation.kind = isKey ? .primaryKey : .unique
            violation.table = report.table ?? table
        case "23001", "23503": violation.kind = .foreignKey
        case "23502":
            violation.kind = .notNull
            violation.table = report.table ?? table
        case "23514", "22001": violation.kind = .check
        default: break
        }
        return violation
    }
}

extension PostgreSQLHandle {
    /// What a failure is if the connection ended with it: the server's words say why, if it could say them.
    func asLost(_ failure: any Error) -> any Error {
        guard !isConnected, case DatabaseError.statementFailed(let reason, _, let name) = failure else { return failure }
        return DatabaseError.connectionLost(name, reason: reason, mayHaveCommitted: false)
    }

    func lost(_ reason: String? = nil) -> DatabaseError {
        let message = pointer.map { PostgreSQLErrors.oneLine(String(cString: PQerrorMessage($0))) } ?? ""
        disconnect()
        return .connectionLost(
            session.name, reason: reason ?? (message.isEmpty ? "the connection is closed" : message),
            mayHaveCommitted: false)
    }

    /// Why the library did not even send a statement.
    func refusal(statement: String) -> DatabaseError {
        guard isConnected, let pointer else { return lost() }
        let reason = PostgreSQLErrors.oneLine(String(cString: PQerrorMessage(pointer)))
        if reason.contains("number of parameters") {
            return .statementTooComplex(reason: reason, database: session.name)
        }
        return lost()
    }
}

/// What the server says of an error.
struct PostgreSQLReport {
    /// SQLSTATE.
    var code: String
    var message: String
    var detail: String?
    var table: String?
    var column: String?
    var constraint: String?
}

extension Substring {
    fileprivate func trimming(_ isMargin: (Character) -> Bool) -> String {
        var rest = drop(while: isMargin)
        while let last = rest.last, isMargin(last) { rest.removeLast() }
        return String(rest)
    }
}
