/// What a butler assumes where a call does not say: collections to search, and values of governor dimensions.
public struct ButlerDefaults: Hashable, Sendable {
    /// Names, in search order; none means that every search must name its collections.
    public var collections: [String]
    /// Values of governor dimensions by name.
    public var dataID: [String: DataIDValue]
    /// Whether a governor without a value in ``dataID`` gets the one that all default collections together have, if
    /// their summaries hold exactly one.
    public var infersDataID: Bool

    public init(collections: [String] = [], dataID: [String: DataIDValue] = [:], infersDataID: Bool = true) {
        self.collections = collections
        self.dataID = dataID
        self.infersDataID = infersDataID
    }

    /// - Throws: `ButlerError` of kind `dimensionName` when the data ID has values of other dimensions than governors.
    public func check(in universe: DimensionUniverse) throws(ButlerError) {
        let strangers = dataID.keys.filter { universe.element($0)?.isGovernor != true }.sorted()
        guard strangers.isEmpty else {
            let governors = universe.governors.map { universe.elements[$0].name }.joined(separator: ", ")
            throw ButlerError(
                .dimensionName,
                "A default data ID has values of governor dimensions (\(governors)) only, not of "
                    + "\(strangers.joined(separator: ", ")).")
        }
    }
}
