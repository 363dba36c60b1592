import AsyncHTTPClient
import ByteText
import Crypto
import NIOCore
import NIOHTTP1

/// Speaks to one S3 service: signs requests, tries again what may succeed, and reads errors.
public struct S3Client: Sendable {
    let transport: HTTPTransport
    let service: S3Service
    let keys: S3KeySource
    let tags = ServiceTags()
    /// When this process began to use the service: nanoseconds since 1970.
    let began = UTCTime.now
    private let dayKey = SignatureV4.DayKey()

    /// - Parameter keys: `nil` for those of the service.
    public init(_ service: S3Service, keys: S3KeySource? = nil, transport: HTTPTransport) {
        self.service = service
        self.keys = keys ?? .fixed(service.credentials)
        self.transport = transport
    }

    /// A request without signature.
    struct Call: Sendable {
        var method: HTTPMethod = .GET
        var bucket: String
        /// Empty for the bucket itself.
        var key = ""
        var query: [(name: String, value: String)] = []
        /// Names in lower case.
        var headers: [(name: String, value: String)] = []
        var body: S3Body?
        /// For error texts: an infinitive, and the location.
        var operation: String

        var path: String { "s3://\(bucket)/\(key)" }
    }

    // MARK: Sending

    func request(_ call: Call, _ credentials: S3Credentials, at time: Int64) -> HTTPClientRequest {
        let head = head(call, credentials, at: time)
        var request = HTTPClientRequest(url: head.url)
        request.method = head.method
        request.headers = head.headers
        request.body = call.body?.body
        if call.body == nil, call.method == .PUT || call.method == .POST {
            request.headers.replaceOrAdd(name: "content-length", value: "0")
        }
        return request
    }

    /// What a request begins with, its signature included.
    private func head(_ call: Call, _ credentials: S3Credentials, at time: Int64) -> HTTPTransport.Head {
        let address = service.address(of: S3Location(bucket: call.bucket, key: call.key))
        let date = UTCTime.basic(seconds: time)
        var headers =
            call.headers + [
                ("host", address.host), ("x-amz-content-sha256", SignatureV4.unsignedPayload), ("x-amz-date", date),
            ]
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
        let signer = SignatureV4(credentials: credentials, region: service.region, dayKey: dayKey)
        let signed = SignatureV4.Request(
            method: call.method.rawValue, path: address.path, query: call.query, headers: headers)
        var target = address.path
        if !call.query.isEmpty {
            target +=
                "?"
                + call.query
                .map { "\(PercentQuoting.quoteAll($0.name))=\(PercentQuoting.quoteAll($0.value))" }
                .joined(separator: "&")
        }
        headers.append(("authorization", signer.authorization(signed, date: date)))
        return HTTPTransport.Head(
            method: call.method, scheme: address.scheme, host: address.host, target: target,
            headers: HTTPHeaders(headers.map { ($0.name, $0.value) }))
    }

    private func collect(_ call: Call, _ credentials: S3Credentials) async throws -> HTTPAnswer {
        let time = UTCTime.now / 1_000_000_000
        if let own = transport.own, let content = call.body?.content {
            return try await transport.collect(
                head(call, credentials, at: time), content, over: own, path: call.path, operation: call.operation)
        }
        return try await transport.collect(
            request(call, credentials, at: time), path: call.path, operation: call.operation,
            sending: call.body?.length ?? 0)
    }

    /// Sends the call until it succeeds or fails for good.
    ///
    /// - Parameters:
    ///   - accepted: further statuses than 2xx that are answers, not failures.
    ///   - check: looks at an answer; what it throws counts as a failure of the attempt.
    func perform(
        _ call: Call, accepting accepted: Set<Int> = [], attempts: Int? = nil,
        check: @Sendable (HTTPAnswer) async throws -> Void = { _ in }
    ) async throws -> HTTPAnswer {
        var policy = transport.settings.retries
        if let attempts { policy.attempts = attempts }
        return try await policy.run(transport.budget) { _ in
            let answer = try await attempt(call) { credentials in
                let answer = try await collect(call, credentials)
                return (answer, answer.status, answer.status >= 400 ? answer.body : nil)
            }
            guard (200..<300).contains(answer.status) || accepted.contains(answer.status) else {
                throw failure(of: call, answer.status, answer.headers, answer.body)
            }
            try await check(answer)
            return answer
        }
    }

    /// Sends the call and gives the head of an answer whose body is read later.
    func open(
        _ call: Call, accepting accepted: Set<Int> = []
    ) async throws -> (response: HTTPClientResponse, slot: ConcurrencyLimit.Slot) {
        try await transport.settings.retries.run(transport.budget) { _ in
            let (response, slot, body) = try await attempt(call) { credentials in
                let request = request(call, credentials, at: UTCTime.now / 1_000_000_000)
                let (response, slot) = try await transport.send(request, path: call.path, operation: call.operation)
                let status = Int(response.status.code)
                guard status >= 400, !accepted.contains(status), call.method != .HEAD else {
                    return ((response, slot, ByteBuffer()), status, nil)
                }
                defer { slot.release() }
                do {
                    let body = try await response.body.collect(upTo: 1 << 20)
                    return ((response, slot, body), status, body)
                } catch { throw HTTPTransport.failure(error, path: call.path, operation: call.operation) }
            }
            let status = Int(response.status.code)
            guard (200..<300).contains(status) || accepted.contains(status) else {
                slot.release()
                throw failure(of: call, status, response.headers, body)
            }
            return (response, slot)
        }
    }

    /// One attempt; another one with new keys when the service says that these have expired.
    private func attempt<Result: Sendable>(
        _ call: Call, _ send: (S3Credentials) async throws -> (Result, status: Int, errorBody: ByteBuffer?)
    ) async throws -> Result {
        let credentials = try await keys.current()
        let (result, status, body) = try await send(credentials)
        guard status == 400 || status == 401 || status == 403 else { return result }
        let code = body.flatMap { XMLElement(String(buffer: $0)) }?["Code"]?.text
        let isExpired =
            code.map { ["ExpiredToken", "TokenRefreshRequired", "InvalidAccessKeyId", "InvalidToken"].contains($0) }
        // Answers to `HEAD` do not say why: keys that are not quite new may have expired.
        let minimumAge: Duration = isExpired == true ? .zero : .seconds(60)
        guard isExpired ?? (call.method == .HEAD), try await keys.renew(after: credentials, minimumAge: minimumAge)
        else { return result }
        return try await send(try await keys.current()).0
    }

    // MARK: Errors

    /// What an answer that is no success means.
    func failure(of call: Call, _ status: Int, _ headers: HTTPHeaders, _ body: ByteBuffer) -> any Error {
        let document = XMLElement(String(buffer: body))
        let code = document?["Code"]?.text ?? ""
        let error: ObjectStorageError =
            switch (status, code) {
            case (404, "NoSuchBucket"):
                .remote(
                    path: call.path, operation: call.operation, status: status, code: code,
                    message: "there is no bucket '\(call.bucket)'")
            case (404, _): .notFound(path: call.path)
            case (403, "RequestTimeTooSkewed"):
                .remote(
                    path: call.path, operation: call.operation, status: status, code: code,
                    message: "the clocks of this machine and of the service differ")
            case (401, _), (403, _): .permissionDenied(path: call.path, operation: call.operation)
            case (412, _): .alreadyExists(path: call.path)
            case (_, "BadDigest"), (_, "XAmzContentChecksumMismatch"), (_, "InvalidDigest"):
                .damaged(path: call.path, checksum: "the checksum that the service computed")
            default:
                .remote(
                    path: call.path, operation: call.operation, status: status, code: code,
                    message: document?["Message"]?.text ?? "")
            }
        guard error.isTransient else { return error }
        return TransientFailure(error: error, retryAfter: HTTPAnswer.retryAfter(headers))
    }
}
