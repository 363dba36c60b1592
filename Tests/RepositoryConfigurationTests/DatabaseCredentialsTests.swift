import Foundation
import RepositoryConfiguration
import Testing

private func credentials(_ json: String) throws -> DatabaseCredentials {
    let environment = ConfigurationEnvironment(variables: ["LSST_DB_AUTH_CREDENTIALS": json], currentDirectory: "/")
    return try #require(try DatabaseCredentials.load(environment: environment))
}

private let list = """
    [{"url": "postgresql://user@host.example.com:5432/my_database", "password": "1"},
     {"url": "postgresql://host.example.com:5432/my_database", "username": "other", "password": "2"},
     {"url": "postgresql://*.example.com/my_*", "username": "glob", "password": "3"},
     {"url": "postgresql://db*.test/", "password": "4"},
     {"url": "postgresql://HOST*.Test/x[!a-c]y", "username": "set", "password": "5"},
     {"url": "oracle://*", "username": "oracle", "password": "6"}]
    """

@Test(
    arguments: [
        ("postgresql", "user", "host.example.com", 5432, "my_database", "user", "1"),
        ("postgresql+psycopg2", nil, "host.example.com", 5432, "my_database", "other", "2"),
        ("postgresql", "me", "host.example.com", 5432, "my_database", "me", "2"),
        ("postgresql", nil, "host.example.com", nil, "my_database", "glob", "3"),
        ("postgresql", "", "a.b.example.com", 1, "my_", "glob", "3"),
        ("postgresql", "u", "db1.test", nil, "anything", "u", "4"),
        ("postgresql", nil, "host7.test", 5432, "x-y", "set", "5"),
        ("oracle", nil, "anywhere", nil, "x", "oracle", "6"),
    ] as [(String, String?, String, Int?, String, String?, String)])
func theFirstFittingEntrySupplies(
    dialect: String, username: String?, host: String, port: Int?, database: String, expectedUser: String?,
    password: String
) throws {
    let match = try credentials(list).match(
        dialect: dialect, username: username, host: host, port: port, database: database)
    #expect(match?.username == expectedUser)
    #expect(match?.password == password)
}

@Test func malformedHostsOfOtherDatabasesAreNoErrors() throws {
    let credentials = try credentials(
        #"""
        [{"url": "sqlite:///file"}, {"url": "postgresql:///other", "password": "x"},
         {"url": "postgresql://someone@:99999/d", "password": "x"}, {"url": "postgresql://[::1]:5432", "password": "y"}]
        """#)
    let match = try credentials.match(dialect: "postgresql", username: nil, host: "::1", port: 5432, database: "d")
    #expect(match?.password == "y")
}

@Test func noFittingEntryGivesNothing() throws {
    let credentials = try credentials(list)
    #expect(
        try credentials.match(dialect: "postgresql", username: nil, host: "elsewhere", port: nil, database: "x") == nil)
    #expect(try credentials.match(dialect: "sqlite", username: nil, host: "db1.test", port: nil, database: "x") == nil)
    #expect(
        try credentials.match(dialect: "postgresql", username: nil, host: "host7.test", port: nil, database: "xby")
            == nil)
}

@Test func aPatternThatNamesNoUserSuppliesOnlyThePassword() throws {
    let match = try credentials(list).match(
        dialect: "postgresql", username: nil, host: "db1.test", port: nil, database: "x")
    #expect(match?.username == nil)
    #expect(match?.password == "4")
}

@Test(arguments: [
    (#"[{"password": "x"}]"#, "entry 1 has no url"),
    (#"[{"url": "host/x", "password": "x"}]"#, "without a dialect"),
    (#"[{"url": "postgresql+psycopg2://h", "password": "x"}]"#, "leave out the driver"),
    (#"[{"url": "postgresql:///x", "password": "x"}]"#, "without a host"),
    (#"[{"url": "postgresql://h:port/x", "password": "x"}]"#, #"has the port "port""#),
    (#"[{"url": "postgresql:x", "password": "x"}]"#, "entry 1 has a url without a host"),
    (#"[{"url": "postgresql://h[0-9]/x", "password": "x"}]"#, "brackets are for IPv6 addresses"),
    (#"[{"url": "postgresql://h/x"}]"#, "entry 1 has no password"),
])
func malformedEntriesAreErrorsWhenReached(json: String, expected: String) throws {
    let credentials = try credentials(json)
    let error = #expect(throws: ConfigurationError.self) {
        try credentials.match(dialect: "postgresql", username: nil, host: "h", port: nil, database: "x")
    }
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
}

@Test(arguments: ["{", #"{"url": "x"}"#])
func malformedListsAreErrors(json: String) {
    #expect(throws: ConfigurationError.self) { try credentials(json) }
}

@Test func credentialsComeFromTheVariableTheNamedFileOrTheHome() throws {
    let directory = try TemporaryDirectory()
    let named = try directory.write("named.yaml", "- {url: 'postgresql://*', password: named}\n")
    let home = try directory.write(".lsst/db-auth.yaml", "- {url: 'postgresql://*', password: home}\n")
    for path in [named, home] { try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path) }
    func password(_ variables: [String: String]) throws -> String? {
        try DatabaseCredentials.load(environment: directory.environment(variables))?
            .match(dialect: "postgresql", username: nil, host: "h", port: nil, database: "d")?.password
    }
    let atHome = ["HOME": directory.path]
    #expect(try password(atHome) == "home")
    #expect(try password(atHome.merging(["LSST_DB_AUTH": named]) { $1 }) == "named")
    #expect(try password(["LSST_DB_AUTH": "~/named.yaml", "HOME": directory.path]) == "named")
    let inline = #"[{"url": "postgresql://*", "password": "inline"}]"#
    #expect(try password(["LSST_DB_AUTH": named, "LSST_DB_AUTH_CREDENTIALS": inline]) == "inline")
    #expect(try password(["LSST_DB_AUTH": "/no/such/file", "HOME": directory.path]) == nil)
}

@Test(arguments: [0o640, 0o604, 0o610, 0o660])
func filesOpenToOthersAreRefused(mode: Int) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("auth.yaml", "- {url: 'postgresql://*', password: x}\n")
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    #expect(throws: ConfigurationError.credentialsPermissions(path: path, mode: UInt16(mode))) {
        try DatabaseCredentials.load(environment: directory.environment(["LSST_DB_AUTH": path]))
    }
}
