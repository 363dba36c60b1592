/// Local files of others, that are to be sent.
public enum LocalFile {
    /// Whether somebody has a file open for writing. `false` where the system does not tell, as for files of other
    /// users and on most network file systems, and for what cannot be read. Blocks for a moment.
    public static func isBeingWritten(_ path: String) -> Bool {
        (try? FileDescriptor.reading(path, naming: path))?.isBeingWritten ?? false
    }
}
