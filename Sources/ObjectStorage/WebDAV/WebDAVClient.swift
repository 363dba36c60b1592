import AsyncHTTPClient
import ByteText
import NIOCore
import NIOHTTP1
import Synchronization

/// Who a client is for an HTTP server.
public enum HTTPAuthorization: Sendable, Hashable {
    case none
    case basic(user: String, password: String)
    /// Sent over encrypted connections only.
    case bearer(String)
    /// The same, from a file that is read again and again, as tokens are renewed.
    case bearerFile(String)

    func header(secure: Bool) async throws -> String? {
        switch self {
        case .none: return nil
        case .basic(let user, let password): return "Basic " + Base64.encode(Array("\(user):\(password)".utf8))
        case .bearer(let token): return secure ? "Bearer " + token : nil
        case .bearerFile(let file):
            guard secure else { return nil }
            guard let text = try await POSIXObjectStore.sharedPool.run({ try SmallFile.text(file) }) else {
                throw ObjectStorageError.notFound(path: file)
            }
            return "Bearer " + (text.split(whereSeparator: \.isWhitespace).first ?? "")
        }
    }
}

/// Speaks to one HTTP server, with WebDAV (RFC 4918) where it has it.
struct WebDAVClient: Sendable {
    let transport: HTTPTransport
    /// `https://host:port`.
    let origin: String
    let authorization: HTTPAuthorization

    struct Call: Sendable {
        var method: HTTPMethod
        /// Quoted, with its slash.
        var path: String
        var headers: [(name: String, value: String)] = []
        var body: S3Body?
        var operation: String
    }

    func name(_ call: Call) -> String { origin + call.path }

    private func request(_ call: Call, url: String) async throws -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = call.method
        request.headers = HTTPHeaders(call.headers.map { ($0.name, $0.value) })
        // Keys are for this server only, wherever it sends us.
        if url.hasPrefix(origin + "/"),
            let header = try await authorization.header(secure: origin.hasPrefix("https://"))
        {
            request.headers.add(name: "authorization", value: header)
        }
        request.body = call.body?.body
        return request
    }

    /// As many redirections are followed; Python's client follows as many.
    private static let redirections = 30

    /// Where an answer sends the client; `nil` for nowhere.
    private func redirection(_ call: Call, _ status: Int, _ headers: HTTPHeaders, from url: String) -> String? {
        // 303 leads to something else that is to be read, not to where the same is to be done.
        guard [301, 302, 307, 308].contains(status) || status == 303 && [.GET, .HEAD].contains(call.method),
            let target = headers.first(name: "location")
        else { return nil }
        return URLReference.resolve(target, from: url)
    }

    /// Sends the call until it succeeds or fails for good. Redirections are followed, unless they are accepted.
    ///
    /// - Parameter begun: called before each attempt.
    func perform(
        _ call: Call, accepting accepted: Set<Int> = [], begun: () -> Void = {}
    ) async throws -> HTTPAnswer {
        try await transport.settings.retries.run(transport.budget) { _ in
            begun()
            let (path, operation) = (name(call), call.operation)
            var url = path
            var answer = try await transport.collect(
                try await request(call, url: url), path: path, operation: operation, sending: call.body?.length ?? 0)
            for _ in 0..<Self.redirections {
                guard !accepted.contains(answer.status),
                    let target = redirection(call, answer.status, answer.headers, from: url)
                else { break }
                url = target
                answer = try await transport.collect(
                    try await request(call, url: url), path: path, operation: operation,
                    sending: call.body?.length ?? 0)
            }
            guard (200..<300).contains(answer.status) || accepted.contains(answer.status) else {
                throw failure(call, answer.status, answer.headers)
            }
            return answer
        }
    }

    func open(
        _ call: Call, accepting accepted: Set<Int>
    ) async throws -> (response: HTTPClientResponse, slot: ConcurrencyLimit.Slot) {
        try await transport.settings.retries.run(transport.budget) { _ in
            let (path, operation) = (name(call), call.operation)
            var url = path
            var (response, slot) = try await transport.send(
                try await request(call, url: url), path: path, operation: operation)
            for _ in 0..<Self.redirections {
                guard let target = redirection(call, Int(response.status.code), response.headers, from: url) else {
                    break
                }
                slot.release()
                url = target
                (response, slot) = try await transport.send(
                    try await request(call, url: url), path: path, operation: operation)
            }
            let status = Int(response.status.code)
            guard (200..<300).contains(status) || accepted.contains(status) else {
                slot.release()
                throw failure(call, status, response.headers)
            }
            return (response, slot)
        }
    }

    private func failure(_ call: Call, _ status: Int, _ headers: HTTPHeaders) -> any Error {
        let path = name(call)
        let error: ObjectStorageError =
            switch status {
            case 404, 410: .notFound(path: path)
            case 401, 403: .permissionDenied(path: path, operation: call.operation)
            case 412: .alreadyExists(path: path)
            case 507: .noSpace(path: path)
            default: .remote(path: path, operation: call.operation, status: status, code: "", message: "")
            }
        // 423: somebody has locked it for a moment.
        guard HTTPAnswer.isTransient(status) || status == 423 else { return error }
        return TransientFailure(error: error, retryAfter: HTTPAnswer.retryAfter(headers))
    }

    // MARK: WebDAV

    /// Whether the server has properties and collections. It is asked with `OPTIONS`; of a folder that is not there yet,
    /// the nearest one above it.
    func isWebDAV(_ path: String) async throws -> Bool {
        let answer = try await perform(
            Call(method: .OPTIONS, path: path, operation: "ask for the abilities of"), accepting: [400, 404, 405, 501])
        if answer.status == 404, let slash = path.utf8.dropLast().lastIndex(of: UInt8(ascii: "/")) {
            do { return try await isWebDAV(String(path[...slash])) } catch ObjectStorageError.permissionDenied {
                return false
            } catch ObjectStorageError.remote(_, _, let status, _, _) where !HTTPAnswer.isTransient(status) {
                return false
            }
        }
        guard (200..<300).contains(answer.status) else { return false }
        let classes = answer.headers[canonicalForm: "dav"].map(String.init)
        let methods = answer.headers[canonicalForm: "allow"].map { $0.uppercased() }
        // One server of wide use says only that it has locks, and lists the methods.
        return classes.contains("1") || classes.contains("2") && methods.contains("PROPFIND")
    }

    struct Resource: Sendable {
        /// Not quoted, without origin.
        let path: String
        let isCollection: Bool
        let status: ObjectStatus
        /// Whether the tag is the server's; else it is made of time and size.
        let isTagged: Bool
    }

    /// For what has no tag of the server's.
    static func tag(_ modified: Int64, _ size: Int64) -> String { "W/\"\(modified)-\(size)\"" }

    private static let properties = Array(
        ("<?xml version=\"1.0\" encoding=\"utf-8\"?><propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/>"
            + "<getlastmodified/><getetag/></prop></propfind>").utf8)

    /// The properties of a resource and, with depth 1, of those directly in it; `nil` when it is not there.
    func resources(_ path: String, depth: Int) async throws -> [Resource]? {
        let call = Call(
            method: .RAW(value: "PROPFIND"), path: path,
            headers: [("depth", String(depth)), ("content-type", "application/xml")], body: S3Body(Self.properties),
            operation: "list")
        // A folder that is asked for without its slash may be redirected.
        let answer = try await perform(call, accepting: [404])
        guard answer.status != 404 else { return nil }
        guard answer.status == 207, let document = XMLElement(answer.text), document.name == "multistatus" else {
            throw ObjectStorageError.unreachable(
                path: name(call), operation: "list", reason: "the answer is not of the kind that WebDAV gives")
        }
        return try document.all("response").compactMap { response -> Resource? in
            guard var path = response["href"]?.text.split(whereSeparator: \.isWhitespace).first else { return nil }
            if let start = path.firstRange(of: "://") {
                path = path[(path[start.upperBound...].utf8.firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex)...]
            }
            let properties = response.all("propstat").filter { $0["status"]?.text.contains(" 200") ?? true }
                .compactMap { $0["prop"] }
            func text(_ name: String) -> String? { properties.lazy.compactMap { $0[name]?.text }.first }
            let isCollection = properties.contains { $0["resourcetype"]?["collection"] != nil }
            let modified = text("getlastmodified").flatMap(UTCTime.parseHTTP) ?? 0
            let stated = text("getcontentlength")?.filter { !$0.isWhitespace } ?? ""
            guard let size = stated.isEmpty ? 0 : ObjectStatus.size(stated: stated) else {
                throw ObjectStorageError.unreachable(
                    path: name(call), operation: "list", reason: "the answer has an impossible size")
            }
            // Some leave the quotes out here, and have them when the object is read.
            let tag = text("getetag")?.split(whereSeparator: \.isWhitespace).first
                .map { $0.hasPrefix("\"") || $0.hasPrefix("W/") ? String($0) : "\"\($0)\"" }
            return Resource(
                path: PercentQuoting.unquote(String(path)), isCollection: isCollection,
                status: ObjectStatus(
                    size: size, modificationTime: modified, etag: tag ?? Self.tag(modified, size)),
                isTagged: tag != nil)
        }
    }

    /// Makes a folder and those above it, below the root of the server. Folders that are there are fine.
    func makeCollections(_ path: String) async throws {
        let parts = path.namesInPath
        var made: [Int] = []
        // From below: usually only the last ones are missing.
        for count in stride(from: parts.count, through: 1, by: -1) {
            made.append(count)
            let folder = "/" + parts.prefix(count).joined(separator: "/") + "/"
            let answer = try await perform(
                Call(method: .RAW(value: "MKCOL"), path: folder, operation: "make"), accepting: [301, 404, 405, 409])
            // 404 and 409: the folder above is missing.
            if answer.status != 404, answer.status != 409 { break }
        }
        for count in made.reversed().dropFirst() {
            let folder = "/" + parts.prefix(count).joined(separator: "/") + "/"
            _ = try await perform(
                Call(method: .RAW(value: "MKCOL"), path: folder, operation: "make"), accepting: [301, 405, 409])
        }
    }
}
