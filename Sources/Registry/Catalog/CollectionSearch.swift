import ButlerModel

/// What a search for collections asks. Source: remote Butler protocol reference, section 6.6.
public struct CollectionSearch: Sendable {
    /// Names and globs.
    public var patterns: [String]
    /// Types to report. They filter the result, not the walk through chains.
    public var types: Set<CollectionType>
    /// Whether to report the members of chains in the place of the chain.
    public var flattenChains: Bool
    /// Whether to report chains themselves.
    public var includeChains: Bool
    public var includeParents: Bool
    public var includeSummary: Bool
    public var includeDocumentation: Bool
    /// Dataset types that a summary is limited to.
    public var summaryDatasetTypes: Set<String>?

    /// - Parameter includeChains: `nil` means: unless they are flattened.
    public init(
        _ patterns: [String] = ["*"], types: Set<CollectionType> = Set(CollectionType.allCases),
        flattenChains: Bool = false, includeChains: Bool? = nil, includeParents: Bool = false,
        includeSummary: Bool = false, includeDocumentation: Bool = false, summaryDatasetTypes: Set<String>? = nil
    ) {
        self.patterns = patterns
        self.types = types
        self.flattenChains = flattenChains
        self.includeChains = includeChains ?? !flattenChains
        self.includeParents = includeParents
        self.includeSummary = includeSummary
        self.includeDocumentation = includeDocumentation
        self.summaryDatasetTypes = summaryDatasetTypes
    }
}
