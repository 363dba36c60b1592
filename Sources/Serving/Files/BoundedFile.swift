import NIOCore
import NIOPosix

/// The content of a local file for a look at it: all of it, or of a large file the beginning.
public struct BoundedFile: Sendable {
    /// Bytes of the whole file.
    public let size: Int64
    public let bytes: [UInt8]
    public var isWhole: Bool { Int64(bytes.count) == size }

    /// Reads a file and works on it, both on threads that may block.
    ///
    /// - Parameters:
    ///   - path: decide on it without any text of the client's.
    ///   - limit: a larger file is not read as a whole.
    ///   - head: how many bytes of it are read instead.
    /// - Throws: ``HTTPFailure`` 404 when there is no regular file there, and what the work throws.
    public static func read<Result: Sendable>(
        _ path: String, limit: Int64, head: Int64, _ work: @escaping @Sendable (BoundedFile) throws -> Result
    ) async throws -> Result {
        let file: OpenFile
        do {
            file = try await OpenFile.open(path)
        } catch OpenFile.Failure.notFound {
            throw HTTPFailure(.notFound, "The file does not exist.")
        } catch let failure as OpenFile.Failure {
            throw FileAccessError(path: path, failure: failure)
        }
        let count = file.size <= limit ? file.size : min(head, file.size)
        let bytes = try await file.bytes(0..<count)
        return try await NIOThreadPool.singleton.runIfActive { try work(BoundedFile(size: file.size, bytes: bytes)) }
    }
}
