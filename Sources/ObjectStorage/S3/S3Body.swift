import AsyncHTTPClient
import ByteText
import Crypto
import NIOCore

/// The bytes of a request.
struct S3Body: Sendable {
    /// Gives a digest that is made while the bytes are sent; `nil` if not all of them were.
    typealias LaterDigest = @Sendable () async throws -> [UInt8]?

    private enum Digest: Sendable {
        case known([UInt8])
        case later(LaterDigest)
    }

    let body: HTTPClientRequest.Body
    let length: Int64
    let content: SendingConnections.Content
    private let digest: Digest

    init(_ bytes: [UInt8]) {
        self.init(ByteBuffer(bytes: bytes), md5: Array(Insecure.MD5.hash(data: bytes)))
    }

    init(_ buffer: ByteBuffer, md5: [UInt8]) { self.init(buffer, .known(md5)) }

    /// - Parameter later: gives the digest of all bytes, for comparison with the tag that the service makes.
    init(_ buffer: ByteBuffer, later: @escaping LaterDigest) { self.init(buffer, .later(later)) }

    private init(_ buffer: ByteBuffer, _ digest: Digest) {
        body = .bytes(buffer)
        content = .bytes(buffer)
        length = Int64(buffer.readableBytes)
        self.digest = digest
    }

    /// A part of a file, in pieces that are read when they are sent.
    ///
    /// - Parameter md5: of all bytes; `nil` has it made meanwhile, for comparison with the tag that the service makes.
    init(_ file: LocalFileSource, _ range: Range<Int64>, md5: [UInt8]?) {
        length = Int64(range.count)
        var pieces = FilePieces(file: file, range: range)
        if let md5 {
            digest = .known(md5)
        } else {
            let (digests, length) = (FilePieces.Digests(), length)
            pieces.digests = digests
            digest = .later { await digests.finish(length: length) }
        }
        content = .file(pieces)
        body = .stream(pieces, length: .known(length))
    }

    /// Protects the bytes on their way: the service compares. None where the digest is not known yet.
    var headers: [(name: String, value: String)] {
        if case .known(let md5) = digest { [("content-md5", Base64.encode(md5))] } else { [] }
    }

    /// Whether the service has the digest, and so has compared it when it says that it has the bytes.
    var isProtected: Bool { if case .known = digest { true } else { false } }

    /// Of all bytes. `nil` when they are not known yet and were not all sent.
    var md5: [UInt8]? {
        get async throws {
            switch digest {
            case .known(let md5): md5
            case .later(let later): try await later()
            }
        }
    }
}
