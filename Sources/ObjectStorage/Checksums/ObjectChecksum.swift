import Crypto

/// Digests that stores keep of objects.
public enum ChecksumAlgorithm: String, Sendable, Hashable, CaseIterable {
    case md5, crc32, crc32c, crc64nvme, sha1, sha256, adler32
}

/// A digest that is made while bytes pass. Algorithms that this cannot make (`crc64nvme`, `adler32`) have none.
public struct RunningChecksum: Sendable {
    private enum Engine: Sendable {
        case md5(Insecure.MD5)
        case sha1(Insecure.SHA1)
        case sha256(SHA256)
        case redundancy(CyclicRedundancyCheck)
    }

    private var engine: Engine

    public init?(_ algorithm: ChecksumAlgorithm) {
        switch algorithm {
        case .md5: engine = .md5(Insecure.MD5())
        case .sha1: engine = .sha1(Insecure.SHA1())
        case .sha256: engine = .sha256(SHA256())
        case .crc32: engine = .redundancy(CyclicRedundancyCheck(.ieee))
        case .crc32c: engine = .redundancy(CyclicRedundancyCheck(.castagnoli))
        case .crc64nvme, .adler32: return nil
        }
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch engine {
        case .md5(var hash):
            hash.update(bufferPointer: bytes)
            engine = .md5(hash)
        case .sha1(var hash):
            hash.update(bufferPointer: bytes)
            engine = .sha1(hash)
        case .sha256(var hash):
            hash.update(bufferPointer: bytes)
            engine = .sha256(hash)
        case .redundancy(var check):
            check.update(bytes)
            engine = .redundancy(check)
        }
    }

    /// In the byte order in which services write it.
    public func finish() -> [UInt8] {
        switch engine {
        case .md5(let hash): Array(hash.finalize())
        case .sha1(let hash): Array(hash.finalize())
        case .sha256(let hash): Array(hash.finalize())
        case .redundancy(let check): check.bytes
        }
    }

    /// MD5 of a text.
    static func digest(of text: String) -> [UInt8] { Array(Insecure.MD5.hash(data: Array(text.utf8))) }

    static func of(_ bytes: UnsafeRawBufferPointer, _ algorithm: ChecksumAlgorithm) -> [UInt8]? {
        guard var sum = RunningChecksum(algorithm) else { return nil }
        sum.update(bytes)
        return sum.finish()
    }
}
