import AsyncHTTPClient
import ByteText
import Crypto
import NIOCore
import NIOHTTP1

/// The operations on single objects. Errors name `s3://bucket/key`.
extension S3Client {
    // MARK: Status

    /// `nil` for no object.
    func stat(_ location: S3Location) async throws -> (status: ObjectStatus, headers: HTTPHeaders)? {
        let call = Call(
            method: .HEAD, bucket: location.bucket, key: location.key,
            headers: [("x-amz-checksum-mode", "ENABLED")], operation: "examine")
        let answer = try await perform(call, accepting: [404])
        guard answer.status != 404 else { return nil }
        return (try Self.status(answer.headers, path: call.path), answer.headers)
    }

    /// What the headers of an answer say about an object.
    static func status(_ headers: HTTPHeaders, size: Int64? = nil, path: String) throws -> ObjectStatus {
        guard let size = size ?? headers.first(name: "content-length").flatMap(ObjectStatus.size(stated:)) else {
            throw TransientFailure(
                error: .unreachable(path: path, operation: "examine", reason: "the answer has no length"))
        }
        let etag = headers.first(name: "etag") ?? ""
        var sums: [ChecksumAlgorithm: [UInt8]] = [:]
        if let md5 = md5(etag, headers) { sums[.md5] = md5 }
        // Checksums of objects in parts are of the parts' checksums, unless they say otherwise.
        if headers.first(name: "x-amz-checksum-type") != "COMPOSITE" {
            for algorithm in ChecksumAlgorithm.allCases where algorithm != .md5 {
                guard var text = headers.first(name: "x-amz-checksum-\(algorithm.rawValue)") else { continue }
                if let sum = text.withUTF8(Base64.decode) { sums[algorithm] = sum }
            }
        }
        return ObjectStatus(
            size: size, modificationTime: headers.first(name: "last-modified").flatMap(UTCTime.parseHTTP) ?? 0,
            etag: etag, checksums: sums)
    }

    /// The digest that a tag is, for objects that were stored at once and without keys of their own.
    static func md5(_ etag: String, _ headers: HTTPHeaders) -> [UInt8]? {
        let isEncrypted =
            headers.first(name: "x-amz-server-side-encryption")?.hasPrefix("aws:kms") ?? false
            || headers.contains(name: "x-amz-server-side-encryption-customer-algorithm")
        let text = etag.hasPrefix("\"") ? String(etag.dropFirst().dropLast()) : etag
        guard !isEncrypted, text.utf8.count == 32 else { return nil }
        return Hexadecimal.decode(text)
    }

    // MARK: Reading

    func object(_ location: S3Location) -> RemoteObject {
        let call = Call(
            bucket: location.bucket, key: location.key, headers: [("x-amz-checksum-mode", "ENABLED")],
            operation: "read")
        return RemoteObject(path: call.path, transport: transport) { headers, accepted in
            var call = call
            call.headers += headers
            return try await open(call, accepting: accepted)
        } status: {
            try Self.status($0, path: call.path)
        } stat: {
            try await stat(location)?.status
        }
    }

    // MARK: Writing

    /// Stores bytes as one object.
    ///
    /// - Parameter isBlind: whether the keys are told nothing of what is there: it is not looked for first.
    /// - Throws: `.alreadyExists` in mode `.createOnly`, of which services that know `If-None-Match` make sure.
    @discardableResult
    func put(
        _ location: S3Location, _ body: S3Body, mode: WriteMode, isBlind: Bool = false,
        metadata: [(name: String, value: String)] = []
    ) async throws -> ObjectStatus {
        var call = Call(
            method: .PUT, bucket: location.bucket, key: location.key, headers: body.headers + metadata, body: body,
            operation: "write")
        let word = mode == .createOnly ? Self.newWord : ""
        if mode == .createOnly {
            if !isBlind, try await stat(location) != nil { throw ObjectStorageError.alreadyExists(path: call.path) }
            call.headers += [("if-none-match", "*"), (Self.wordHeader, word)]
        }
        let path = call.path
        do {
            let answer = try await perform(call) { try await Self.checkStored($0, body, path: path) }
            let etag = answer.headers.first(name: "etag") ?? ""
            // They are the same; the tag's is at hand.
            var digest = Self.md5(etag, answer.headers)
            if digest == nil {
                try await checkThere(location, body.length, tag: etag)
                digest = try await body.md5
            }
            return ObjectStatus(
                size: body.length, modificationTime: UTCTime.now, etag: etag,
                checksums: digest.map { [.md5: $0] } ?? [:])
        } catch ObjectStorageError.alreadyExists {
            // An attempt whose answer was lost may have been the one that came first.
            do {
                if let (status, headers) = try await stat(location), headers.first(name: Self.wordHeader) == word {
                    return status
                }
            } catch ObjectStorageError.permissionDenied where isBlind {}
            throw ObjectStorageError.alreadyExists(path: path)
        }
    }

    /// A header by which a client knows again what it has stored.
    static let wordHeader = "x-amz-meta-steward-write"
    static var newWord: String { String(UInt64.random(in: .min ... .max), radix: 36) }

    /// Compares the tag that a service made with the digest of what was sent.
    ///
    /// - Throws: ``TagIsNoDigest`` when the service has given no other proof that it has the bytes.
    static func checkStored(_ answer: HTTPAnswer, _ body: S3Body, path: String) async throws {
        guard let digest = try await body.md5 else {
            throw TransientFailure(
                error: .unreachable(
                    path: path, operation: "write", reason: "the service has answered before it had all bytes"))
        }
        // Something in between may answer in the place of the service, which says nothing but a tag, and no weak one. Ceph
        // can be told to answer 201 or 204.
        guard [200, 201, 204].contains(answer.status), let tag = answer.headers.first(name: "etag"),
            tag.contains(where: { $0 != "\"" }), !tag.hasPrefix("W/"), answer.text.allSatisfy(\.isWhitespace)
        else {
            throw TransientFailure(
                error: .unreachable(
                    path: path, operation: "write", reason: "the answer, of status \(answer.status), is none that S3 gives"))
        }
        guard let etag = answer.headers.first(name: "etag"), let stored = md5(etag, answer.headers) else {
            guard body.isProtected else { throw TagIsNoDigest() }
            return
        }
        guard stored == digest else {
            throw TransientFailure(error: .damaged(path: path, checksum: "the MD5 of what was stored"))
        }
    }

    /// Looks whether an object is there whose tag has not shown that the service has it, where that can be found out.
    /// What has another tag has been stored since.
    private func checkThere(_ location: S3Location, _ size: Int64, tag: String) async throws {
        let found: (status: ObjectStatus, headers: HTTPHeaders)?
        do { found = try await stat(location) } catch let error as CancellationError { throw error } catch { return }
        guard let found else {
            throw ObjectStorageError.unreachable(
                path: location.path, operation: "write", reason: "the service has said that it is stored, and has it not")
        }
        guard found.status.etag != tag || found.status.size == size else {
            throw ObjectStorageError.truncated(path: location.path, expected: size, received: found.status.size)
        }
    }

    func copy(_ source: S3Location, to target: S3Location) async throws {
        let call = Call(
            method: .PUT, bucket: target.bucket, key: target.key,
            headers: [("x-amz-copy-source", Self.copySource(source))], operation: "copy '\(source.key)' to")
        try await performAndRead(call, named: "CopyObjectResult")
    }

    static func copySource(_ source: S3Location) -> String {
        PercentQuoting.quote("/\(source.bucket)/\(source.key)")
    }

    /// For operations that begin with status 200 before they are done: the document of the answer may be an error.
    @discardableResult
    func performAndRead(_ call: Call, named name: String, or other: String? = nil) async throws -> XMLElement {
        let answer = try await perform(call) { answer in
            guard let document = XMLElement(answer.text) else {
                throw TransientFailure(
                    error: .unreachable(path: call.path, operation: call.operation, reason: "the answer is not XML"))
            }
            guard document.name == "Error" else { return }
            let status = Self.status(ofCode: document["Code"]?.text ?? "")
            throw failure(of: call, status, answer.headers, answer.body)
        }
        guard let document = XMLElement(answer.text), document.name == name || document.name == other else {
            throw ObjectStorageError.unreachable(
                path: call.path, operation: call.operation, reason: "the answer is not of the kind that S3 gives")
        }
        return document
    }

    /// The status that an error within an answer of success stands for.
    private static func status(ofCode code: String) -> Int { ObjectStorageError.transientCodes.contains(code) ? 503 : 400 }

    func delete(_ location: S3Location) async throws {
        _ = try await perform(
            Call(method: .DELETE, bucket: location.bucket, key: location.key, operation: "delete"), accepting: [404])
    }

    /// Deletes up to a thousand objects of one bucket; gives what failed.
    func delete(bucket: String, keys: [String]) async throws -> [ExactName: ObjectStorageError] {
        var failures: [ExactName: ObjectStorageError] = [:]
        var left = keys
        let policy = transport.settings.retries
        try await policy.run(transport.budget) { attempt in
            failures.merge(try await deleteOnce(bucket: bucket, keys: left)) { $1 }
            // As they were given: the service may spell them otherwise.
            left = left.filter { failures[ExactName($0)]?.isTransient ?? false }
            guard let first = left.first.flatMap({ failures[ExactName($0)] }), attempt < policy.attempts else { return }
            for key in left { failures[ExactName(key)] = nil }
            throw TransientFailure(error: first)
        }
        return failures
    }

    private func deleteOnce(bucket: String, keys: [String]) async throws -> [ExactName: ObjectStorageError] {
        let list = keys.map { "<Object><Key>\(XMLElement.escaped($0))</Key></Object>" }.joined()
        let body = S3Body(Array("<Delete><Quiet>true</Quiet>\(list)</Delete>".utf8))
        let call = Call(
            method: .POST, bucket: bucket, query: [("delete", "")],
            headers: body.headers + [("content-type", "application/xml")], body: body, operation: "delete")
        let document = try await performAndRead(call, named: "DeleteResult")
        var failures: [ExactName: ObjectStorageError] = [:]
        for error in document.all("Error") {
            guard let key = error["Key"]?.text, error["Code"]?.text != "NoSuchKey" else { continue }
            let code = error["Code"]?.text ?? ""
            failures[key] = .remote(
                path: "s3://\(bucket)/\(key)", operation: "delete", status: Self.status(ofCode: code), code: code,
                message: error["Message"]?.text ?? "")
        }
        return failures
    }

    // MARK: Listing

    struct Page: Sendable {
        var objects: [(key: String, status: ObjectStatus)] = []
        /// Where the next page begins; `nil` at the end.
        var next: String?
    }

    func list(bucket: String, prefix: String, from token: String?) async throws -> Page {
        var call = Call(bucket: bucket, operation: "list")
        call.query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
        if let token { call.query.append(("continuation-token", token)) }
        let document = try await performAndRead(call, named: "ListBucketResult")
        let isQuoted = document["EncodingType"]?.text == "url"
        var page = Page()
        for object in document.all("Contents") {
            guard let text = object["Key"]?.text, let size = (object["Size"]?.text).flatMap(ObjectStatus.size(stated:))
            else {
                throw ObjectStorageError.unreachable(
                    path: call.path, operation: "list", reason: "the answer has an object without key or size")
            }
            // In listings a blank may be a plus sign, as in forms.
            let key = isQuoted ? PercentQuoting.unquote(text.replacing("+", with: " ")) : text
            let etag = object["ETag"]?.text ?? ""
            let md5 = Self.md5(etag, HTTPHeaders())
            page.objects.append(
                (
                    key,
                    ObjectStatus(
                        size: size, modificationTime: object["LastModified"].flatMap { UTCTime.parseISO($0.text) } ?? 0,
                        etag: etag, checksums: md5.map { [.md5: $0] } ?? [:])
                ))
        }
        if document["IsTruncated"]?.text == "true" {
            guard let next = document["NextContinuationToken"]?.text, !next.isEmpty, next != token else {
                throw ObjectStorageError.unreachable(
                    path: call.path, operation: "list", reason: "the answer says that there is more, but not where")
            }
            page.next = next
        }
        return page
    }
}
