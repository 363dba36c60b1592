/// Local files of others, that are to be sent.
public enum LocalFile {
    /// Size, time and tag; `nil` without a file that can be looked at. Links are followed. Blocks for a moment.
    public static func status(_ path: String) -> ObjectStatus? { (try? POSIXObjectStore.status(of: path)) ?? nil }

    /// Whether somebody has a file open for writing. `false` where the system does not tell, as for files of other
    /// users and on most network file systems, and for what cannot be read. Blocks for a moment.
    public static func isBeingWritten(_ path: String) -> Bool {
        (try? FileDescriptor.reading(path, naming: path))?.isBeingWritten ?? false
    }
}
