/// How a catalogue of published dataset types and a repository differ.
public struct PublicationGaps: Sendable, Equatable {
    /// Dataset types that the catalogue does not name, so that nobody is shown them.
    public var unpublished: [String]
    /// Names in the catalogue that are no dataset types.
    public var unknown: [String]

    public var isEmpty: Bool { unpublished.isEmpty && unknown.isEmpty }
}

extension RegistrySnapshot {
    public func gaps(of published: PublishedTypes) -> PublicationGaps {
        let known = Set(catalog.datasetTypes.byName.keys.map(\.text))
        let named = Set(published.entries.keys)
        return PublicationGaps(
            unpublished: known.subtracting(named).sorted(), unknown: named.subtracting(known).sorted())
    }
}
