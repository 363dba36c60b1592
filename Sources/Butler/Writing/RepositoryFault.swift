/// Something in a repository that is not as it should be.
public struct RepositoryFault: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case absentDatastore = "absent datastore"
        case fileWithoutRecord = "file without record"
        case unusablePath = "unusable path"
        case recordWithoutFile = "record without file"
        case fileOutOfReach = "file out of reach"
        case wrongSize = "wrong size"
        case wrongChecksum = "wrong checksum"
        case damagedArchive = "damaged archive"
        case recordWithoutLocation = "record without location"
        case locationWithoutRecord = "location without record"
        case unfinishedDeletion = "unfinished deletion"
        case emptyTrashRow = "empty trash row"
        case missingSummary = "missing summary"
        case missingOverlap = "missing overlap"
        case circularChain = "circular chain"
    }

    /// What ``DirectButler/check(repairs:_:progress:_:)`` does about it when asked to repair.
    public enum Remedy: Sendable, Hashable {
        /// Nothing: only a person can tell what is right.
        case none
        /// Rows of the database are added or removed; no file is touched.
        case rows
        /// Files of so many bytes are deleted, with their rows if there are any.
        case deletion(bytes: Int64)
    }

    public let kind: Kind
    /// A path, the identifier of a dataset, or the name of a datastore, collection or record.
    public let subject: String
    public let detail: String
    public let remedy: Remedy
    /// Whether the remedy was applied.
    public let isRepaired: Bool

    init(_ kind: Kind, _ subject: String, _ detail: String, _ remedy: Remedy, repairs: Bool) {
        self.kind = kind
        self.subject = subject
        self.detail = detail
        self.remedy = remedy
        isRepaired = repairs && remedy != .none
    }
}
