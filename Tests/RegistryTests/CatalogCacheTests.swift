import Database
import Testing

@testable import Registry

@Suite struct CatalogCacheTests {
    /// A replica may be behind, and nobody can tell by how much.
    @Test func whatIsReadOnAReplicaHoldsForThatTransactionAlone() async throws {
        let made = try await TemporaryRegistry.make()
        let universe = made.registry.universe
        func content() async throws -> CatalogCache.Content {
            try await made.registry.database.read { connection in
                CatalogCache.Content(
                    catalog: try CatalogReader(connection: connection, universe: universe).read(),
                    records: CachedRecords(), stamp: nil)
            }
        }
        let (ofPrimary, ofReplica) = (try await content(), try await content())
        let cache = CatalogCache()
        let primary = DatabaseChangeToken(connection: 1, version: 7)
        let replica = DatabaseChangeToken(connection: 2, version: nil)
        cache.store(ofPrimary, generation: cache.current(for: primary).generation)
        let onReplica = cache.current(for: replica)
        #expect(onReplica.content == nil)
        cache.store(ofReplica, generation: onReplica.generation)
        #expect(cache.current(for: primary).content === ofPrimary)
        #expect(cache.current(for: replica).content == nil)
    }
}
