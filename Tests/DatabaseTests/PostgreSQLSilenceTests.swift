import TestSupport
import Testing

@testable import Database

extension PostgreSQLTests {
    /// Of some users the server does not say what it does for them.
    @Test(arguments: ["track_activities = off", "role = postgres"])
    func aStatementOfWhichTheServerTellsNothingIsWaitedFor(setting: String) async throws {
        let cluster = try PostgreSQLCluster.shared.get()
        let role = PostgreSQLCluster.freshName("silent")
        let other = PostgreSQLCluster.freshName("silent_owner")
        let chosen = setting.replacing("postgres", with: other)
        try cluster.administer(
            "CREATE ROLE \(other)", "CREATE ROLE \(role) LOGIN IN ROLE \(other)", "ALTER ROLE \(role) SET \(chosen)")
        var patience = PostgreSQLPatience()
        patience.silence = .seconds(1)
        let url = cluster.url.replacing("postgres@", with: role + "@") + "/postgres"
        let client = try await PostgreSQLClient.open(
            try DatabaseURL(parsing: url), schema: nil, DatabaseOptions(access: .readOnly), patience)
        let found = try await client.read { connection in
            try connection.fetchOne("SELECT 1 FROM pg_sleep(3)") { try $0.int(0) }
        }
        #expect(found == 1)
        try await client.close()
        try cluster.administer("DROP ROLE \(role)", "DROP ROLE \(other)")
    }
}
