import AsyncHTTPClient
import NIOCore

/// Fetches keys where the process's surroundings offer them: web identity, containers, virtual machines.
/// Source: AWS SDKs and Tools Reference, "Assume role with web identity", "Container", "IMDS credential provider".
struct S3KeyServices: Sendable {
    let environment: [String: String]
    let transport: HTTPTransport

    private subscript(name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// The first that is configured; `nil` when there is none.
    func source(region: String) -> RenewedS3Keys? {
        if self["AWS_WEB_IDENTITY_TOKEN_FILE"] != nil, self["AWS_ROLE_ARN"] != nil {
            return RenewedS3Keys { try await webIdentity(region: region) }
        }
        if self["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] != nil || self["AWS_CONTAINER_CREDENTIALS_FULL_URI"] != nil {
            return RenewedS3Keys { try await container() }
        }
        guard self["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else { return nil }
        return RenewedS3Keys { try await instance() }
    }

    private func webIdentity(region: String) async throws -> RenewedS3Keys.Fetched {
        guard let file = self["AWS_WEB_IDENTITY_TOKEN_FILE"], let role = self["AWS_ROLE_ARN"] else {
            throw S3Error.noCredentials(profile: nil)
        }
        // The file is replaced from time to time, so it is read each time.
        guard let token = try await POSIXObjectStore.sharedPool.run({ try SmallFile.text(file) }) else {
            throw ObjectStorageError.notFound(path: file)
        }
        let address =
            self["AWS_ENDPOINT_URL_STS"] ?? self["AWS_ENDPOINT_URL"]
            ?? (region == "aws-global" ? "https://sts.amazonaws.com" : "https://sts.\(region).amazonaws.com")
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", self["AWS_ROLE_SESSION_NAME"] ?? "steward"),
            ("WebIdentityToken", String(token.split(whereSeparator: \.isWhitespace).first ?? "")),
        ].map { "\($0)=\(PercentQuoting.quoteAll($1))" }.joined(separator: "&")
        var request = HTTPClientRequest(url: address)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        request.body = .bytes(ByteBuffer(string: form))
        let answer = try await get(request, what: "the keys of role \(role)")
        guard
            let keys = XMLElement(answer)?["AssumeRoleWithWebIdentityResult"]?["Credentials"],
            let credentials = S3Credentials(
                id: keys["AccessKeyId"]?.text, secret: keys["SecretAccessKey"]?.text, token: keys["SessionToken"]?.text)
        else { throw unusable(address) }
        return .init(keys: credentials, expiration: keys["Expiration"].flatMap { UTCTime.parseISO($0.text) })
    }

    private func container() async throws -> RenewedS3Keys.Fetched {
        let address =
            self["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].map { "http://169.254.170.2\($0)" }
            ?? self["AWS_CONTAINER_CREDENTIALS_FULL_URI"] ?? ""
        var request = HTTPClientRequest(url: address)
        if let file = self["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            guard let token = try await POSIXObjectStore.sharedPool.run({ try SmallFile.text(file) }) else {
                throw ObjectStorageError.notFound(path: file)
            }
            request.headers.add(name: "authorization", value: String(token.prefix { !$0.isNewline }))
        } else if let token = self["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            request.headers.add(name: "authorization", value: token)
        }
        return try document(try await get(request, what: "the container's keys"), from: address)
    }

    private func instance() async throws -> RenewedS3Keys.Fetched {
        let base = self["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
        let start = base.hasSuffix("/") ? String(base.dropLast()) : base
        var request = HTTPClientRequest(url: start + "/latest/api/token")
        request.method = .PUT
        request.headers.add(name: "x-aws-ec2-metadata-token-ttl-seconds", value: "21600")
        let token = try await get(request, what: "the metadata of this machine")
        func read(_ path: String) async throws -> String {
            var request = HTTPClientRequest(url: start + "/latest/meta-data/iam/security-credentials/" + path)
            request.headers.add(name: "x-aws-ec2-metadata-token", value: token)
            return try await get(request, what: "the keys of this machine")
        }
        guard let role = try await read("").split(whereSeparator: \.isNewline).first else {
            throw S3Error.noCredentials(profile: nil)
        }
        return try document(try await read(String(role)), from: start)
    }

    private func get(_ request: HTTPClientRequest, what: String) async throws -> String {
        let policy = RetryPolicy(attempts: 3, base: .milliseconds(100), limit: .seconds(1))
        return try await policy.run(transport.budget) { _ in
            let answer = try await transport.collect(request, path: request.url, operation: "fetch \(what) from")
            guard answer.status == 200 else {
                let error = ObjectStorageError.remote(
                    path: request.url, operation: "fetch \(what) from", status: answer.status, code: "", message: "")
                if answer.isTransient { throw TransientFailure(error: error, retryAfter: answer.retryAfter) }
                throw error
            }
            return answer.text
        }
    }

    private func unusable(_ address: String) -> ObjectStorageError {
        .unreachable(path: address, operation: "fetch keys from", reason: "the answer holds no keys")
    }

    /// The JSON of containers and virtual machines: one flat object of texts.
    private func document(_ text: String, from address: String) throws(ObjectStorageError) -> RenewedS3Keys.Fetched {
        let values = Self.texts(in: text)
        guard
            let keys = S3Credentials(
                id: values["AccessKeyId"], secret: values["SecretAccessKey"], token: values["Token"])
        else { throw unusable(address) }
        return .init(keys: keys, expiration: values["Expiration"].flatMap(UTCTime.parseISO))
    }

    /// The members of an object whose values are texts. Keys and times have no escapes but `\/`.
    static func texts(in document: String) -> [String: String] {
        var strings: [(text: String, isName: Bool)] = []
        var rest = document[...]
        while let quote = rest.firstIndex(of: "\"") {
            rest = rest[rest.index(after: quote)...]
            guard let end = rest.firstIndex(of: "\"") else { return [:] }
            let text = rest[..<end].replacing("\\/", with: "/")
            rest = rest[rest.index(after: end)...]
            strings.append((String(text), rest.first { !$0.isWhitespace } == ":"))
        }
        var values: [String: String] = [:]
        for (name, value) in zip(strings, strings.dropFirst()) where name.isName && !value.isName {
            values[name.text] = value.text
        }
        return values
    }
}
