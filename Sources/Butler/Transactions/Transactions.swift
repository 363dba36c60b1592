public import Registry

extension DirectButler {
    /// Makes several changes to the registry at once: all of them, or, when `body` throws, none.
    ///
    ///     try await butler.transaction { registry in
    ///         try registry.registerCollection("u/me/good", type: .tagged)
    ///         try registry.associate(refs, with: "u/me/good")
    ///         try registry.prependToChain("u/me", children: ["u/me/good"])
    ///     }
    ///
    /// Other clients see nothing of it before it is complete, and wait with their own changes, so keep it short. `body`
    /// runs on a thread of the database, and on a database server again when it and a transaction of another client wait
    /// for each other. The methods of ``DirectButler`` that change one thing are such transactions.
    ///
    /// - Parameter isRehearsal: whether all is undone in the end, so that only the result tells what would have been.
    /// - Throws: `RegistryError.readOnly` when the butler is not writeable.
    public func transaction<T: Sendable>(
        isRehearsal: Bool = false, _ body: @escaping @Sendable (RegistryWriter) throws -> T
    ) async throws -> T {
        guard isRehearsal else { return try await registry.write(repeats: true, body) }
        do {
            return try await registry.write(repeats: true) { writer in throw RehearsalEnd(result: try body(writer)) }
        } catch let end as RehearsalEnd<T> {
            return end.result
        }
    }
}

/// Thrown through a transaction to undo it.
private struct RehearsalEnd<T: Sendable>: Error {
    let result: T
}
