import ByteText
import Crypto

/// What tells the content of an object from any other: its size and its MD5, which most services know without reading it.
public struct ContentDigest: Sendable, Hashable {
    /// Bytes.
    public let size: Int64
    /// MD5 in hexadecimal digits.
    public let md5: String

    public init(size: Int64, md5: String) {
        self.size = size
        self.md5 = md5
    }

    public init(size: Int64, md5: [UInt8]) { self.init(size: size, md5: Hexadecimal.encode(md5)) }

    /// Of a file of this machine. Blocks; reads all of it. Memory: a mebibyte.
    /// - Throws: `ObjectStorageError`.
    public init(ofLocalFile path: String) throws(ObjectStorageError) {
        let file = try LocalFileSource(path)
        var hash = Insecure.MD5()
        var offset: Int64 = 0
        while offset < file.size {
            let end = min(file.size, offset + (1 << 20))
            hash.update(data: try file.readNow(offset..<end))
            offset = end
        }
        self.init(size: file.size, md5: Hexadecimal.encode(hash.finalize()))
    }
}

extension ObjectStore {
    /// Whether an object has this content. Reads it when the store does not know its digest.
    public func holds(_ digest: ContentDigest, at path: ObjectPath) async throws -> Bool {
        guard let status = try await stat(path), status.size == digest.size else { return false }
        if let known = status.checksums[.md5] { return Hexadecimal.encode(known) == digest.md5 }
        var hash = Insecure.MD5()
        do {
            for try await piece in try await chunks(of: path) { hash.update(data: piece) }
        } catch ObjectStorageError.notFound { return false }
        return Hexadecimal.encode(hash.finalize()) == digest.md5
    }

    /// What tells the content of an object; `nil` when there is none. Reads it when the store does not know its digest.
    public func digest(of path: ObjectPath) async throws -> ContentDigest? {
        guard let status = try await stat(path) else { return nil }
        if let known = status.checksums[.md5] { return ContentDigest(size: status.size, md5: known) }
        var hash = Insecure.MD5()
        do {
            for try await piece in try await chunks(of: path) { hash.update(data: piece) }
        } catch ObjectStorageError.notFound { return nil }
        return ContentDigest(size: status.size, md5: Hexadecimal.encode(hash.finalize()))
    }

    /// Copies an object into a new file of this machine. Memory: a mebibyte. A file that could not be written whole is
    /// removed.
    ///
    /// - Throws: `ObjectStorageError`: `.notFound` without such an object, `.alreadyExists` when there is a file.
    public func fetch(_ path: ObjectPath, toLocalFile target: String) async throws {
        let source = try await chunks(of: path)
        let location = try ResourceURI(localPath: target)
        let folder = try POSIXObjectStore(root: location.directory, synchronizing: false)
        let upload = try await folder.upload(try ObjectPath(location.basename), mode: .createOnly)
        do {
            for try await piece in source { try await upload.append(piece) }
            _ = try await upload.finish()
        } catch {
            await Task { try? await upload.abort() }.value
            throw error
        }
    }
}
