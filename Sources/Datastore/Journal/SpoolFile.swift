import Foundation
import ObjectStorage
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file for what need not be in memory, which is of use to this process alone. All methods block.
package final class SpoolFile: Sendable {
    package let path: String
    private let descriptor: Int32
    private let end = Mutex<Int64>(0)

    /// - Parameter path: must be free.
    init(at path: String) throws(ObjectStorageError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw JournalFiles.failure(path, "write") }
    }

    deinit { close(descriptor) }

    /// A file where temporary files are (`TMPDIR`), whose name is gone at once, so that nothing of it stays behind.
    package static func nameless() throws(ObjectStorageError) -> SpoolFile {
        let file = try SpoolFile(at: NSTemporaryDirectory() + "steward-" + UUID().uuidString)
        try JournalFiles.remove(file.path)
        return file
    }

    /// Writes bytes behind those that are there, and tells where.
    package func append(_ bytes: [UInt8]) throws(ObjectStorageError) -> Range<Int64> {
        let start = end.withLock { end in
            defer { end += Int64(bytes.count) }
            return end
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written,
                    off_t(start) + off_t(written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw JournalFiles.failure(path, "write") }
            written += count
        }
        return start..<(start + Int64(written))
    }

    /// What was written there; less if somebody has made the file shorter.
    package func read(_ range: Range<Int64>) -> [UInt8] {
        let size = Int(range.upperBound - range.lowerBound)
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size, let base = buffer.baseAddress {
                let got = pread(descriptor, base + filled, size - filled, off_t(range.lowerBound) + off_t(filled))
                if got < 0, errno == EINTR { continue }
                if got <= 0 { return }
                filled += got
            }
        }
    }
}
