import Testing

@testable import Database

@Suite struct DatabaseURLTests {
    @Test func sqliteURLsGiveThePath() throws {
        #expect(try DatabaseURL(parsing: "sqlite:///gen3.sqlite3").database == "gen3.sqlite3")
        #expect(try DatabaseURL(parsing: "sqlite:////data/repo 1/gen3.sqlite3").database == "/data/repo 1/gen3.sqlite3")
        #expect(try DatabaseURL(parsing: "sqlite:///a%20b.sqlite3").database == "a%20b.sqlite3")
        #expect(try DatabaseURL(parsing: "sqlite://").database == nil)
        #expect(try DatabaseURL(parsing: "sqlite:///:memory:").database == nil)
        #expect(try DatabaseURL(parsing: "sqlite+pysqlite:////a/b").driver == "pysqlite")
    }

    @Test func serverURLsGiveAllParts() throws {
        let url = try DatabaseURL(
            parsing: "postgresql+psycopg2://b%40b:p%3Aw%2Fd@db.example:5433/lsst%20db?sslmode=require&options=a+b")
        #expect(url.dialect == "postgresql")
        #expect(url.driver == "psycopg2")
        #expect(url.user == "b@b")
        #expect(url.password == "p:w/d")
        #expect(url.host == "db.example")
        #expect(url.port == 5433)
        #expect(url.database == "lsst db")
        #expect(url.query == [.init(name: "sslmode", value: "require"), .init(name: "options", value: "a b")])
    }

    @Test func partsMayBeMissing() throws {
        let bare = try DatabaseURL(parsing: "postgresql://")
        #expect(
            bare.host == nil && bare.user == nil && bare.password == nil && bare.port == nil && bare.database == nil)
        let socket = try DatabaseURL(parsing: "postgresql:///lsst?host=/run/postgresql")
        #expect(socket.host == nil)
        #expect(socket.database == "lsst")
        #expect(socket.query == [.init(name: "host", value: "/run/postgresql")])
        let six = try DatabaseURL(parsing: "postgresql://me@[::1]:5432/db")
        #expect(six.host == "::1")
        #expect(six.port == 5432)
        #expect(six.password == nil)
    }

    /// Expected values: sqlalchemy.engine.make_url, of version 2.1.9.
    @Test func passwordsMayHaveSlashesAndQuestionMarks() throws {
        for (text, password) in [
            ("p%40ss w/o%3Fd+%25:x", "p@ss w/o?d+%:x"), ("w/o?d", "w/o?d"), ("12/3", "12/3"), ("?", "?"),
            ("a/b:c", "a/b:c"),
        ] {
            let url = try DatabaseURL(parsing: "postgresql://pw:\(text)@127.0.0.1:55777/a?sslmode=require")
            #expect(url.user == "pw" && url.password == password, "\(text)")
            #expect(url.host == "127.0.0.1" && url.port == 55777 && url.database == "a")
            #expect(url.query == [.init(name: "sslmode", value: "require")])
        }
        // These are no credentials.
        let plain = try DatabaseURL(parsing: "postgresql://host:5432/a?user=me@there")
        #expect(plain.host == "host" && plain.port == 5432 && plain.user == nil)
        #expect(plain.query.first?.value == "me@there")
        let six = try DatabaseURL(parsing: "postgresql://[::1]:5432/a?user=me@there")
        #expect(six.host == "::1" && six.user == nil)
        #expect(try DatabaseURL(parsing: "postgresql:///a?host=x:5&user=me@there").user == nil)
    }

    @Test func passwordsAreNeverShown() throws {
        let url = try DatabaseURL(parsing: "postgresql://me:s3cr%40t@host:1/db?sslpassword=s3cret&sslmode=require")
        #expect(url.description == "postgresql://me:***@host:1/db?sslpassword=***&sslmode=require")
        var dumped = ""
        dump(url, to: &dumped)
        for text in ["\(url)", String(reflecting: url), dumped, "\([url])"] { #expect(!text.contains("s3cr")) }
        for text in [
            "postgresql://me:s3cr@t@host:x/db", "postgresql://me:s3cret@host:99999/db", "me:s3cret@host/db",
            "post-gres://me:s3cret@host/db", "postgresql://me:s3/cret@host:x/db", "postgresql://me:s3cr%ZZ@host/db",
            "sqlite://me:s3cret@host/db",
            "postgresql://me@host:x/db?password=s3cret",
        ] {
            let error = #expect(throws: DatabaseError.self) { try DatabaseURL(parsing: text) }
            #expect(error?.description.contains("s3") == false, "\(error?.description ?? "")")
        }
    }

    @Test func malformedURLsAreRefused() {
        for text in ["", "gen3.sqlite3", "://x", "sqlite://host/path", "postgresql://h:0/d", "postgresql://h:5x/d"] {
            #expect(throws: DatabaseError.self) { try DatabaseURL(parsing: text) }
        }
    }

    @Test func otherSystemsAreNamedWhenTheyCanNotBeOpened() async throws {
        let url = try DatabaseURL(parsing: "oracle://host/db")
        await #expect(throws: DatabaseError.unsupportedDialect("oracle")) {
            _ = try await url.open(DatabaseOptions(access: .readOnly))
        }
    }
}
