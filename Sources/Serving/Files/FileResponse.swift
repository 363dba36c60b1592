import HTTPTypes
public import Hummingbird
import NIOCore

extension Response {
    /// A file, or the part of it that the request asks for.
    ///
    /// Understands `HEAD`, a single `Range` with `If-Range`, `If-None-Match` and `If-Modified-Since`. The entity tag is
    /// strong and made of size and time of modification. Bytes are read from disk in chunks as fast as the client
    /// takes them: memory use does not depend on the size of the file.
    ///
    /// - Parameters:
    ///   - path: the file. Decide on it without any text of the client's: nothing here confines it to a directory.
    ///   - contentType: as declared to the client, which is told not to guess another.
    ///   - extract: makes what is sent instead of the whole file, if not all of it may be.
    /// - Throws: ``HTTPFailure`` 404 when there is no regular file there. Other errors name the path; they are for the
    ///   log, not for the client.
    public static func file(
        at path: String, for request: Request, contentType: String = "application/octet-stream",
        extract: (FileExtract.Maker)? = nil
    ) async throws -> Response {
        let open: OpenFile
        do {
            open = try await OpenFile.open(path)
        } catch OpenFile.Failure.notFound {
            throw HTTPFailure(.notFound, "The file does not exist.")
        } catch let failure as OpenFile.Failure {
            throw FileAccessError(path: path, failure: failure)
        }
        let file: FileExtract =
            if let extract {
                try await extract(open.size) { try await open.bytes($0) }
            } else {
                FileExtract(size: open.size, digest: "") { try await open.read($0) }
            }
        return answer(file, FileValidators(open, digest: file.digest), for: request, contentType: contentType)
    }

    /// Something made from a file that is elsewhere; like ``file(at:for:contentType:extract:)``, without a date.
    public static func extract(
        _ file: FileExtract, for request: Request, contentType: String = "application/octet-stream"
    ) -> Response {
        answer(file, FileValidators(digest: file.digest), for: request, contentType: contentType)
    }

    private static func answer(
        _ file: FileExtract, _ tag: FileValidators, for request: Request, contentType: String
    ) -> Response {
        var headers: HTTPFields = [.acceptRanges: "bytes", .eTag: tag.entityTag]
        headers[.lastModified] = tag.lastModified
        guard tag.isMeant(by: request) else { return Response(status: .preconditionFailed, headers: headers) }
        if tag.isUnmodified(for: request) { return Response(status: .notModified, headers: headers) }
        headers[.contentType] = contentType
        headers[.xContentTypeOptions] = "nosniff"
        if request.method == .head {
            headers[.contentLength] = String(file.size)
            return Response(status: .ok, headers: headers)
        }
        let range = tag.honoursRange(of: request) ? request.headers[.range] : nil
        switch ByteRange(header: range, size: file.size) {
        case .whole:
            return Response(status: .ok, headers: headers, body: file.body(0..<file.size))
        case .part(let part):
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)"
            return Response(status: .partialContent, headers: headers, body: file.body(part))
        case .unsatisfiable:
            headers[.contentType] = nil
            headers[.contentRange] = "bytes */\(file.size)"
            return Response(status: .rangeNotSatisfiable, headers: headers)
        }
    }
}

/// What is sent of a file: all of it, or something made from it that has a size of its own.
public struct FileExtract: Sendable {
    /// Makes an extract of a file of the given size, whose bytes the function reads.
    public typealias Maker =
        @Sendable (_ size: Int64, _ read: @escaping @Sendable (Range<Int64>) async throws -> [UInt8]) async throws
        -> FileExtract

    let size: Int64
    /// Part of the entity tag.
    let digest: String
    /// Bytes that are read at a time.
    private let chunk: Int64
    fileprivate let read: @Sendable (Range<Int64>) async throws -> ByteBuffer

    /// - Parameters:
    ///   - digest: tells extracts of the same file apart; without a file of this machine, also their sources.
    ///   - chunk: how many bytes are read at a time.
    ///   - read: exactly these bytes of the extract.
    public init(
        size: Int64, digest: String, chunk: Int64 = 256 << 10,
        bytes read: @escaping @Sendable (Range<Int64>) async throws -> [UInt8]
    ) {
        self.init(size: size, digest: digest, chunk: chunk) { ByteBuffer(bytes: try await read($0)) }
    }

    fileprivate init(
        size: Int64, digest: String, chunk: Int64 = 256 << 10,
        read: @escaping @Sendable (Range<Int64>) async throws -> ByteBuffer
    ) {
        self.size = size
        self.digest = digest
        self.chunk = chunk
        self.read = read
    }
}

/// A file that exists but cannot be read. For the log: it names the path.
struct FileAccessError: Error, CustomStringConvertible {
    let path: String
    let failure: OpenFile.Failure

    var description: String {
        switch failure {
        case .notFound: "File '\(path)' does not exist."
        case .notRegular: "'\(path)' is not a regular file."
        case .system(let code): "File '\(path)' cannot be read: system error \(code); check its permissions."
        case .truncated: "File '\(path)' became shorter while it was being sent."
        }
    }
}

/// The validators of an open file, and the conditions of requests that refer to them (RFC 9110, section 13).
private struct FileValidators {
    let entityTag: String
    let modified: UTCDate?
    var lastModified: String? { modified?.httpDate }

    init(digest: String) {
        entityTag = "\"\(digest)\""
        modified = nil
    }

    init(_ file: OpenFile, digest: String) {
        let time = file.modified.seconds &* 1_000_000_000 &+ file.modified.nanoseconds
        let end = digest.isEmpty ? "" : "-" + digest
        entityTag = "\"\(String(file.size, radix: 16))-\(String(time, radix: 16))\(end)\""
        modified = file.modified
    }

    /// False for a request that is for another version only.
    func isMeant(by request: Request) -> Bool {
        guard let list = request.headers[.ifMatch] else { return true }
        return list.split(separator: ",").contains { item in
            let tag = item.drop { $0 == " " }
            let end = tag.lastIndex { $0 != " " }
            return end.map { tag[...$0] == "*" || tag[...$0] == entityTag } == true
        }
    }

    /// Whether the client has this version already, by what it says.
    func isUnmodified(for request: Request) -> Bool {
        if let list = request.headers[.ifNoneMatch] {
            return list.split(separator: ",").contains { item in
                let candidate = item.drop { $0 == " " }
                let tag = candidate.hasPrefix("W/") ? candidate.dropFirst(2) : candidate
                let end = tag.lastIndex { $0 != " " }
                return candidate == "*" || end.map { tag[...$0] == entityTag } == true
            }
        }
        guard let modified, let since = request.headers[.ifModifiedSince].flatMap({ UTCDate(httpDate: $0) })
        else { return false }
        return modified.seconds <= since.seconds
    }

    /// False when the range was meant for another version of the file.
    func honoursRange(of request: Request) -> Bool {
        guard let condition = request.headers[.ifRange] else { return true }
        return condition == entityTag || condition == lastModified
    }
}

extension FileExtract {
    /// The bytes as a response body that reads ahead by no more than one chunk.
    fileprivate func body(_ range: Range<Int64>) -> ResponseBody {
        if range.isEmpty { return ResponseBody() }
        return ResponseBody(contentLength: Int(range.upperBound - range.lowerBound)) { writer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let next = min(offset + chunk, range.upperBound)
                try await writer.write(try await read(offset..<next))
                offset = next
            }
            try await writer.finish(nil)
        }
    }
}
