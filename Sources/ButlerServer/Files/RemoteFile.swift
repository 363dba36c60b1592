import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Serving

/// A file on another host, read piece by piece under a URL that needs no further credentials.
struct RemoteFile: Sendable {
    let size: Int64
    /// The host's name for this state of the file; empty when it gives none.
    let entityTag: String
    private let url: String

    private static let time = TimeAmount.seconds(60)

    /// Asks the host for size and state.
    /// - Throws: ``RemoteFileError``; `HTTPFailure` 404 when there is no such file.
    init(_ url: String) async throws {
        self.url = url
        let (response, _) = try await Self.piece(of: url, 0..<1)
        guard let range = response.headers.first(name: "Content-Range"), let slash = range.lastIndex(of: "/"),
            let size = Int64(range[range.index(after: slash)...])
        else { throw RemoteFileError(reason: "the host does not say how large the file is") }
        self.size = size
        entityTag = response.headers.first(name: "ETag") ?? ""
    }

    /// Exactly these bytes.
    func read(_ range: Range<Int64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let (response, bytes) = try await Self.piece(of: url, range)
        guard response.headers.first(name: "ETag") ?? "" == entityTag else {
            throw RemoteFileError(reason: "the file has changed while it was read")
        }
        return bytes
    }

    private static func piece(of url: String, _ range: Range<Int64>) async throws -> (HTTPClientResponse, [UInt8]) {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        let response: HTTPClientResponse
        let body: ByteBuffer
        do {
            response = try await HTTPClient.shared.execute(request, timeout: time)
            // A host that does not understand ranges would send all.
            body = response.status == .partialContent ? try await response.body.collect(upTo: range.count) : ByteBuffer()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw RemoteFileError(reason: "\(error)")
        }
        switch response.status {
        case .partialContent where body.readableBytes == range.count: return (response, Array(body.readableBytesView))
        case .notFound: throw HTTPFailure(.notFound, "The file does not exist.")
        default:
            throw RemoteFileError(
                reason: "the host answers with status \(response.status.code) and \(body.readableBytes) bytes")
        }
    }
}

/// A file on another host that cannot be read. For the log.
struct RemoteFileError: Error, CustomStringConvertible {
    let reason: String
    var description: String { "a file on another host cannot be read: \(reason)" }
}
