import Foundation
import TestSupport
import Testing

@testable import Database

/// What the codes of PostgreSQL's errors and the words of its client library become, and what that library is told.
struct PostgreSQLErrorTests {
    private let errors = PostgreSQLErrors(name: "db", busyTimeout: .seconds(3))

    private func error(_ code: String, _ message: String = "why") -> DatabaseError? {
        let report = PostgreSQLReport(code: code, message: message)
        return errors.error(report, statement: "SELECT 1", table: "t") as? DatabaseError
    }

    @Test(arguments: [
        ("40001", DatabaseError.transactionConflict("db", reason: "why")),
        ("40P01", .transactionConflict("db", reason: "why")),
        ("55P03", .locked("db", waited: .seconds(3))),
        ("25006", .readOnly("db")),
        ("42501", .permissionDenied("db", reason: "why")),
        ("22003", .numberOutOfRange("db")),
        ("22021", .unknownCharacter("db", reason: "why")),
        ("22P05", .unknownCharacter("db", reason: "why")),
        ("53100", .diskFull("db")),
        ("53300", .tooManyConnections("db")),
        ("XX001", .corrupt("db", reason: "why")),
        ("54001", .statementTooComplex(reason: "why", database: "db")),
        ("28P01", .accessDenied("db", reason: "why")),
        ("28000", .accessDenied("db", reason: "why")),
        ("3D000", .cannotOpen("db", reason: "why")),
        ("57P03", .unavailable("db", reason: "why")),
        ("57P01", .connectionLost("db", reason: "why", mayHaveCommitted: false)),
        ("57P05", .connectionLost("db", reason: "why", mayHaveCommitted: false)),
        ("25P04", .connectionLost("db", reason: "why", mayHaveCommitted: false)),
        ("08006", .connectionLost("db", reason: "why", mayHaveCommitted: false)),
        ("22012", .statementFailed(reason: "why", statement: "SELECT 1", database: "db")),
    ])
    func codesBecomeErrorsThatSayWhatToDo(code: String, expected: DatabaseError) {
        #expect(error(code) == expected)
    }

    @Test func aSchemaWithTooLongANameIsToldOfItsLength() {
        let (long, quoted) = (String(repeating: "é", count: 35), "Rubin")
        #expect(DatabaseError.unusableSchema(long, database: "db").description.contains("70 bytes"))
        #expect(!DatabaseError.unusableSchema(quoted, database: "db").description.contains("bytes"))
    }

    @Test(arguments: [
        ("23505", ConstraintViolation.Kind.unique), ("23503", .foreignKey), ("23001", .foreignKey), ("23502", .notNull),
        ("23514", .check), ("22001", .check), ("23P01", .other), ("23000", .other),
    ])
    func brokenRulesAreTyped(code: String, kind: ConstraintViolation.Kind) {
        guard case .constraintViolation(let violation)? = error(code) else {
            Issue.record("\(code) is not taken for a broken rule")
            return
        }
        #expect(violation.kind == kind)
    }

    @Test func aTableThatIsMissingIsNamedWithoutItsSchema() {
        #expect(error("42P01", "relation \"s.runs\" does not exist") == .noSuchTable("runs", database: "db"))
    }

    @Test func aStatementThatSomebodyCancelledIsNoError() {
        let error = errors.error(PostgreSQLReport(code: "57014", message: ""), statement: "", table: nil)
        #expect(error is CancellationError)
    }

    @Test(arguments: [
        ("connection to server at \"h\", port 5: FATAL:  password authentication failed for user \"u\"\n", false),
        ("FATAL:  no pg_hba.conf entry for host \"::1\", user \"u\", database \"d\", no encryption", false),
        ("FATAL:  database \"d\" does not exist", false), ("FATAL:  role \"r\" does not exist", false),
        ("definition of service \"x\" not found", false), ("server certificate for \"a\" does not match", false),
        ("FATAL:  the database system is starting up", true), ("connection refused", true),
        ("connection to server at \"h\", port 5 failed: SSL SYSCALL error: Connection reset by peer", true),
        ("failed: SSL SYSCALL error: EOF detected; failed: server closed the connection unexpectedly", true),
        ("SSL error: unexpected eof while reading", true), ("SSL connection has been closed unexpectedly", true),
        ("SSL error: certificate verify failed", false), ("server does not support SSL, but SSL was required", false),
        ("invalid sslmode value: \"x\"", false), ("missing \"=\" after \"x\" in connection info string", false),
        ("could not translate host name \"db.invalid\" to address: Temporary failure in name resolution", true),
        ("connection to server at \"SSL.invalid\", port 5 failed: something new", true),
        ("FATAL:  sorry, too many clients already", true), ("could not translate host name \"h\" to address", true),
    ])
    func refusedLoginsAreNoOutages(message: String, isOutage: Bool) {
        let error = errors.openingError(message)
        #expect(error.isOutage == isOutage, "\(error)")
        #expect(!error.description.contains("\n"))
    }

    @Test func wordsOfAServerThatAreNotEnglishAreReplacedByTheCode() {
        let words = "connection to server at \"h\", port 5 failed: FATAL:  der Benutzer darf das nicht\n"
        let short = "connection to server at \"h\", port 5 failed: FATAL:  28P01\n"
        #expect(PostgreSQLErrors.code(in: short) == "28P01")
        #expect(PostgreSQLErrors.code(in: words) == nil)
        #expect(errors.openingError(words).isOutage)
        let error = errors.openingError(words) { PostgreSQLErrors.code(in: short) }
        #expect(!error.isOutage && error.description.contains("der Benutzer"))
        // The library's own words need no second attempt.
        _ = errors.openingError("connection to server at \"h\", port 5 failed: Connection refused\n") {
            Issue.record("the server is asked again")
            return nil
        }
    }

    // MARK: What the client library is told

    private func parameters(_ url: String) throws -> PostgreSQLParameters {
        PostgreSQLParameters(try DatabaseURL(parsing: url))
    }

    private func last(_ parameters: PostgreSQLParameters) -> [String: String] {
        Dictionary(parameters.values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    @Test func limitsAreThoseOfTheUserWhereThereAreSome() throws {
        let plain = try parameters("postgresql://h/d")
        let limited = last(plain.limited(by: PostgreSQLPatience(), among: [:]))
        #expect(limited["connect_timeout"] == "10" && limited["keepalives_idle"] == "20")
        #expect(limited["keepalives_count"] == "3" && limited["tcp_user_timeout"] == "60000")
        let known = last(plain.limited(by: PostgreSQLPatience(), among: ["connect_timeout": "3", "host": "x"]))
        #expect(known["connect_timeout"] == nil && known["keepalives_idle"] == "20" && known["host"] == "h")
        let follower = plain.limited(by: .following(within: .seconds(4)), among: [:])
        #expect(last(follower)["connect_timeout"] == "4")
    }

    @Test(.enabled(if: PostgreSQLCluster.isAvailable, "PostgreSQL is not installed"))
    func whatIsInEffectIsFoundWithoutAConnection() throws {
        let found = try parameters("postgresql://h/d?connect_timeout=3").inEffect()
        #expect(found["connect_timeout"] == "3" && found["dbname"] == "d")
        #expect(try parameters("postgresql://h/d?nonsense=3").inEffect()["connect_timeout"] == nil)
    }

    @Test func aPlaceIsTheSameForAllUsersAndSpellings() throws {
        func place(_ url: String, _ variables: [String: String] = [:]) throws -> String {
            try DatabaseURL(parsing: url).place(variables: variables)
        }
        let known = try place("postgresql://me:x@Host/d")
        #expect(try known == place("postgresql://you@host:5432/d?sslmode=require"))
        #expect(try known == place("postgresql:///d", ["PGHOST": "host"]))
        #expect(try known != place("postgresql://host/e"))
        #expect(try place("postgresql://@/d?host=/run&port=5433") != place("postgresql://@/d?host=/run&port=5434"))
    }

    @Test func severalHostsAndOptionsAreHandedOn() throws {
        let url = "postgresql://me:p%40ss@/d?host=a:5432&host=b:5433&target_session_attrs=read-write&sslmode=require"
        let found = last(try parameters(url))
        #expect(found["host"] == "a,b" && found["port"] == "5432,5433")
        #expect(found["user"] == "me" && found["password"] == "p@ss" && found["dbname"] == "d")
        #expect(found["target_session_attrs"] == "read-write" && found["sslmode"] == "require")
        let socket = last(try parameters("postgresql:///d?host=/var/run/postgresql"))
        #expect(socket["host"] == "/var/run/postgresql")
    }
}
