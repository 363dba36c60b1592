/// A regular file of this machine that is read in pieces, so that it need not be in memory as a whole. Blocks.
public struct PieceReader: Sendable {
    private let descriptor: FileDescriptor
    /// Bytes, as they were when the file was opened.
    public let count: Int

    /// - Throws: `.notFound`, `.notAFile`, `.permissionDenied`, `.system`.
    public init(path: String) throws(ObjectStorageError) {
        descriptor = try FileDescriptor.reading(path, naming: path)
        count = Int(try descriptor.status().st_size)
    }

    /// A piece that is within the file.
    /// - Throws: `.changedWhileReading` when the file has become shorter.
    public func read(at offset: Int, count: Int) throws(ObjectStorageError) -> [UInt8] {
        let bytes = try descriptor.read(at: Int64(offset), count: count)
        guard bytes.count == count else { throw .changedWhileReading(path: descriptor.path) }
        return bytes
    }
}
