public import ButlerModel
public import Registry

extension DirectButler {
    /// The collections of the repository.
    public var collections: ButlerCollections { ButlerCollections(butler: self) }
}

/// Looks at collections and changes them. Each method is one transaction.
///
///     try await butler.collections.register("u/me/run", type: .run)
///     try await butler.collections.register("u/me", type: .chained, documentation: "what I work with")
///     try await butler.collections.setChain("u/me", children: ["u/me/run", "HSC/defaults"])
///
/// Names may be any text but the empty one. All methods throw `ButlerError` of kind `missingCollection` for names that
/// do not exist, and of kind `collectionType` for collections of the wrong type.
public struct ButlerCollections: Sendable {
    let butler: DirectButler

    // MARK: Looking

    /// What is known of a collection, its documentation included.
    public func info(_ name: String, includeParents: Bool = false, includeSummary: Bool = false) async throws
        -> CollectionInfo
    {
        try await butler.registry.read { try $0.collection(name, parents: includeParents, summary: includeSummary) }
    }

    /// The collections that match names and globs.
    public func search(_ search: CollectionSearch = CollectionSearch()) async throws -> [CollectionInfo] {
        try await butler.registry.read { try $0.collectionInfo(search) }
    }

    // MARK: Registering

    /// Makes sure that a collection exists.
    /// - Returns: whether it is new. The documentation of one that exists already is not changed.
    @discardableResult
    public func register(
        _ name: String, type: CollectionType = .run, documentation: String? = nil
    ) async throws -> Bool {
        try await butler.transaction { try $0.registry.registerCollection(name, type: type, documentation: documentation) }
    }

    /// Replaces what a collection's documentation says; `nil` removes it.
    public func setDocumentation(_ documentation: String?, of name: String) async throws {
        try await butler.transaction { try $0.registry.setDocumentation(documentation, of: name) }
    }

    /// Removes a collection, with its links to datasets or members, and of a run the datasets.
    ///
    /// - Parameters:
    ///   - unlinking: whether to remove it from the chains that have it as a member; otherwise those forbid it.
    ///   - withDatasets: whether a run may have datasets. None of them may have files any more.
    /// - Throws: `ButlerError` of kind `orphanedRecord` when chains, datasets or files forbid it.
    public func remove(_ name: String, unlinking: Bool = false, withDatasets: Bool = false) async throws {
        try await butler.transaction { try $0.registry.removeCollection(name, unlinking: unlinking, withDatasets: withDatasets) }
    }

    // MARK: Chains

    /// Gives a chain these members, in search order, in place of those it has.
    /// - Throws: `ButlerError` of kind `collectionCycle` when the chain would contain itself, as do the next two.
    public func setChain(_ name: String, children: [String]) async throws {
        try await butler.transaction { try $0.registry.setChain(name, children: children) }
    }

    /// Puts members before all others. Those that the chain has already move to the front.
    public func prependToChain(_ name: String, children: [String]) async throws {
        try await butler.transaction { try $0.registry.prependToChain(name, children: children) }
    }

    /// Puts members after all others. Those that the chain has already move to the end.
    public func extendChain(_ name: String, children: [String]) async throws {
        try await butler.transaction { try $0.registry.extendChain(name, children: children) }
    }

    /// Takes members out of a chain; those that it does not have are left alone.
    public func removeFromChain(_ name: String, children: [String]) async throws {
        try await butler.transaction { try $0.registry.removeFromChain(name, children: children) }
    }

    /// Takes the members at these places out of a chain: 0 is the first, -1 the last.
    /// - Returns: their names.
    /// - Throws: `ButlerError` of kind `malformedModel` when there is no such place.
    @discardableResult
    public func popFromChain(_ name: String, at places: [Int] = [0]) async throws -> [String] {
        try await butler.transaction { try $0.registry.popFromChain(name, at: places) }
    }

    // MARK: Summaries

    /// Removes from the summaries of collections the dataset types of which they hold no dataset any more.
    /// - Returns: how many claims were removed.
    @discardableResult
    public func refreshSummaries() async throws -> Int {
        try await butler.transaction { try $0.registry.refreshCollectionSummaries() }
    }
}

extension RegistrySnapshot {
    /// One collection by its name, which is never taken for a glob.
    /// - Throws: `ButlerError` of kind `missingCollection`.
    fileprivate func collection(_ name: String, parents: Bool, summary: Bool) throws -> CollectionInfo {
        let search = CollectionSearch(
            ["*"], includeParents: parents, includeSummary: summary, includeDocumentation: true)
        guard let info = try collectionInfo(search).first(where: { $0.name == name }) else {
            throw ButlerError(.missingCollection, "No collection with name '\(name)' found.")
        }
        return info
    }
}
