import ByteText
import NIOHTTP1
import Synchronization

/// Looks whether an HTTP server has stored what was sent to it. Most take no notice of `Content-MD5`.
///
/// Sources of the headers: RFC 3230 (`Want-Digest` and `Digest`, which storage systems of grids have), RFC 9530
/// (`Repr-Digest`).
final class StoredDigests: Sendable {
    /// Whether the server answers `Want-Digest`.
    private let isAnswered = Mutex<Bool?>(nil)

    /// - Throws: `.truncated`, `.damaged`.
    func check(_ address: String, _ body: S3Body, named name: String, _ client: WebDAVClient) async throws {
        let found = try await stored(address, client)
        guard let found, found.size == body.length else {
            throw ObjectStorageError.truncated(path: name, expected: body.length, received: found?.size ?? 0)
        }
        guard Base64.encode(found.md5) == body.statedMD5 else {
            throw ObjectStorageError.damaged(path: name, checksum: "the MD5 of what was stored")
        }
    }

    /// Whether the server has all of it.
    func isStored(_ address: String, _ body: S3Body, named name: String, _ client: WebDAVClient) async throws -> Bool {
        do {
            try await check(address, body, named: name, client)
            return true
        } catch let error as ObjectStorageError {
            switch error {
            case .truncated, .damaged: return false
            default: throw error
            }
        }
    }

    /// `nil` when there is nothing.
    private func stored(_ address: String, _ client: WebDAVClient) async throws -> (size: Int64, md5: [UInt8])? {
        if isAnswered.withLock({ $0 }) ?? true {
            let call = WebDAVClient.Call(
                method: .HEAD, path: address, headers: [("want-digest", "md5")], operation: "examine")
            let answer = try await client.perform(call, accepting: [404, 410])
            guard answer.status < 300 else { return nil }
            let sum = Self.stated(answer.headers)[.md5]
            isAnswered.withLock { $0 = sum != nil }
            if let sum, let size = answer.headers.first(name: "content-length").flatMap({ Int64($0) }) {
                return (size, sum)
            }
        }
        let path = client.origin + address
        let object = RemoteObject(path: path, transport: client.transport) { headers, accepted in
            try await client.open(
                WebDAVClient.Call(method: .GET, path: address, headers: headers, operation: "read back"),
                accepting: accepted)
        } status: { headers in
            let status = try S3Client.status(headers, path: path)
            return ObjectStatus(size: status.size, modificationTime: status.modificationTime, etag: status.etag)
        } stat: {
            nil
        }
        guard var sum = RunningChecksum(.md5) else { return nil }
        var size: Int64 = 0
        do {
            for try await piece in try await object.chunks(1 << 20) {
                piece.withUnsafeBytes { sum.update($0) }
                size += Int64(piece.count)
            }
        } catch ObjectStorageError.notFound { return nil }
        return (size, sum.finish())
    }

    /// The digests of a whole object that headers state, as far as they can be compared.
    static func stated(_ headers: HTTPHeaders) -> [ChecksumAlgorithm: [UInt8]] {
        let algorithms: [String: ChecksumAlgorithm] = ["md5": .md5, "sha": .sha1, "sha-256": .sha256]
        var sums: [ChecksumAlgorithm: [UInt8]] = [:]
        for item in headers[canonicalForm: "digest"] + headers[canonicalForm: "repr-digest"] {
            guard let equals = item.firstIndex(of: "="), let algorithm = algorithms[item[..<equals].lowercased()] else {
                continue
            }
            // The later form has colons around the digest.
            var text = item[item.index(after: equals)...].filter { $0 != ":" }
            if let sum = text.withUTF8(Base64.decode), sum.count == algorithm.length { sums[algorithm] = sum }
        }
        return sums
    }
}

extension ChecksumAlgorithm {
    /// Bytes, of those that HTTP servers state.
    fileprivate var length: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .crc64nvme: 8
        case .crc32, .crc32c, .adler32: 4
        }
    }
}

extension S3Body {
    /// The digest that goes along with the bytes.
    fileprivate var statedMD5: String? { headers.first { $0.name == "content-md5" }?.value }
}
