/// How files come into a datastore, in the words of `butler ingest-files --transfer`.
public enum ArtifactTransfer: String, Sendable, Hashable, CaseIterable {
    /// Files below the root of the datastore stay in place, others are linked. When there are some of each, those
    /// outside are recorded where they are.
    case auto
    /// A hard link, or a symbolic link where that is impossible.
    case link
    /// A symbolic link with an absolute target.
    case symlink
    case hardlink
    case copy
    /// The source goes away once the datasets are recorded.
    case move
    /// A symbolic link with a target relative to the folder of the link.
    case relsymlink
    /// The file is recorded where it is, by its absolute URI, and never deleted.
    case direct
    /// The file is below the root of the datastore already. The command line has no word for this.
    case inPlace = "none"

    /// Those that a user may ask for by name.
    public static let named: [ArtifactTransfer] = allCases.filter { $0 != .inPlace }
}
