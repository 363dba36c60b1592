import ObjectStorage
import Testing

@Suite struct MemoryObjectStoreTests {
    @Test func behavesAsAnObjectStore() async throws {
        try await ObjectStoreBehaviour(store: MemoryObjectStore(root: ResourceURI("mem://test/"))).checkAll()
    }
}
