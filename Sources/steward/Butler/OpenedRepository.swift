import Butler

extension DirectButler {
    /// Opens a repository for `body` and closes it, also when that fails, so that nothing of it stays behind.
    static func using<Result>(
        _ repository: String, writeable: Bool = false, _ body: (DirectButler) async throws -> Result
    ) async throws -> Result {
        let opened = try await open(repository, writeable: writeable)
        let result: Result
        do {
            result = try await body(opened)
        } catch {
            // The first error matters.
            try? await opened.close()
            throw error
        }
        try await opened.close()
        return result
    }
}
