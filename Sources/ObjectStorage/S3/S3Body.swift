import AsyncHTTPClient
import ByteText
import Crypto
import NIOCore

/// The bytes of a request.
struct S3Body: Sendable {
    private enum Digest: Sendable {
        case known([UInt8])
        case meanwhile(FilePieces.Digests)
    }

    let body: HTTPClientRequest.Body
    let length: Int64
    let content: SendingConnections.Content
    private let digest: Digest

    init(_ bytes: [UInt8]) {
        self.init(ByteBuffer(bytes: bytes), md5: Array(Insecure.MD5.hash(data: bytes)))
    }

    init(_ buffer: ByteBuffer, md5: [UInt8]) {
        body = .bytes(buffer)
        content = .bytes(buffer)
        length = Int64(buffer.readableBytes)
        digest = .known(md5)
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
            let digests = FilePieces.Digests()
            pieces.digests = digests
            digest = .meanwhile(digests)
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
        get async {
            switch digest {
            case .known(let md5): md5
            case .meanwhile(let digests): await digests.finish(length: length)
            }
        }
    }
}
