import ByteText
import Crypto
import NIOCore

/// An upload in parts. Bytes wait until they fill a part; only whole parts are stored, which is what a resumed upload
/// goes on from. The token is the service's word for the upload, and the parts.
actor S3Upload: ObjectUpload {
    struct Part: Sendable {
        let etag: String
        let size: Int64
        let md5: [UInt8]
    }

    private let client: S3Client
    private let location: S3Location
    private let mode: WriteMode
    private let identifier: String
    /// What the object has as a header, if it is of this upload.
    private let word: String?
    private var parts: [Part] = []
    private var waiting: [UInt8] = []
    private var isOver = false
    /// All parts but the last need at least five mebibytes, and there may be ten thousand. So parts grow twofold with
    /// every thousand of them: eight terabytes fit, more than objects may have, and short uploads need little memory.
    static func partSize(after parts: Int) -> Int { (8 << 20) << min(parts / 1000, 9) }

    private var path: String { location.path }

    init(_ client: S3Client, _ location: S3Location, mode: WriteMode, resuming token: String?) async throws {
        self.client = client
        self.location = location
        self.mode = mode
        if let token {
            guard let (identifier, word, parts) = Self.parse(token) else {
                throw ObjectStorageError.notFound(path: location.path)
            }
            self.identifier = identifier
            self.word = word
            self.parts = parts
            // The service says whether it knows the upload.
            _ = try await client.performAndRead(
                S3Client.Call(
                    bucket: location.bucket, key: location.key, query: [("uploadId", identifier), ("max-parts", "1")],
                    operation: "go on writing"), named: "ListPartsResult", or: "ListPartsResponse")
        } else {
            if mode == .createOnly, try await client.stat(location) != nil {
                throw ObjectStorageError.alreadyExists(path: location.path)
            }
            let word = S3Client.newWord
            identifier = try await client.beginUpload(location, metadata: [(S3Client.wordHeader, word)])
            self.word = word
        }
    }

    var stored: Int64 { parts.reduce(0) { $0 + $1.size } }

    var token: String {
        ([identifier] + (word.map { [$0] } ?? []) + parts.map { "\($0.size),\(Hexadecimal.encode($0.md5)),\(PercentQuoting.quoteAll($0.etag))" })
            .joined(separator: " ")
    }

    private static func parse(_ token: String) -> (identifier: String, word: String?, parts: [Part])? {
        var words = token.split(separator: " ")[...]
        guard let identifier = words.popFirst() else { return nil }
        let word = words.first.flatMap { $0.contains(",") ? nil : String($0) }
        if word != nil { words.removeFirst() }
        var parts: [Part] = []
        for word in words {
            let fields = word.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == 3, let size = Int64(fields[0]), let md5 = Hexadecimal.decode(String(fields[1])) else {
                return nil
            }
            parts.append(Part(etag: PercentQuoting.unquote(String(fields[2])), size: size, md5: md5))
        }
        return (String(identifier), word, parts)
    }

    func append(_ bytes: [UInt8]) async throws {
        guard !isOver else { throw ObjectStorageError.notFound(path: path) }
        waiting += bytes
        var sent = 0
        defer { waiting.removeFirst(sent) }
        while case let size = Self.partSize(after: parts.count), waiting.count - sent >= size {
            try await store(Array(waiting[sent..<sent + size]))
            sent += size
        }
    }

    private func store(_ bytes: [UInt8]) async throws {
        parts.append(
            try await client.storePart(location, identifier, number: parts.count + 1, S3Body(bytes)))
    }

    func finish() async throws -> ObjectStatus {
        guard !isOver else { throw ObjectStorageError.notFound(path: path) }
        if !waiting.isEmpty || parts.isEmpty {
            try await store(waiting)
            waiting = []
        }
        let status = try await client.finishUpload(location, identifier, parts: parts, mode: mode, word: word)
        isOver = true
        return status
    }

    func abort() async throws {
        guard !isOver else { return }
        isOver = true
        waiting = []
        try await client.abortUpload(location, identifier)
    }
}

/// The requests of uploads in parts.
extension S3Client {
    func beginUpload(
        _ location: S3Location, metadata: [(name: String, value: String)] = []
    ) async throws -> String {
        let call = Call(
            method: .POST, bucket: location.bucket, key: location.key, query: [("uploads", "")], headers: metadata,
            operation: "write")
        let document = try await performAndRead(
            call, named: "InitiateMultipartUploadResult", or: "InitiateMultipartUpload")
        guard let identifier = document["UploadId"]?.text, !identifier.isEmpty, !identifier.contains(" ") else {
            throw ObjectStorageError.unreachable(
                path: call.path, operation: "write", reason: "the answer names no upload")
        }
        return identifier
    }

    func storePart(
        _ location: S3Location, _ identifier: String, number: Int, _ body: S3Body
    ) async throws -> S3Upload.Part {
        let call = Call(
            method: .PUT, bucket: location.bucket, key: location.key,
            query: [("partNumber", String(number)), ("uploadId", identifier)], headers: body.headers, body: body,
            operation: "write part \(number) of")
        let answer = try await perform(call) { try await Self.checkStored($0, body, path: call.path) }
        guard let etag = answer.headers.first(name: "etag"), let md5 = try await body.md5 else {
            throw ObjectStorageError.unreachable(
                path: call.path, operation: call.operation, reason: "the answer has no tag")
        }
        return S3Upload.Part(etag: etag, size: body.length, md5: md5)
    }

    /// - Parameters:
    ///   - isBlind: whether the keys are told nothing of what is there.
    ///   - word: what the object has as a header, if it is of this upload and the service keeps headers.
    func finishUpload(
        _ location: S3Location, _ identifier: String, parts: [S3Upload.Part], mode: WriteMode, isBlind: Bool = false,
        word: String?
    ) async throws -> ObjectStatus {
        let list = parts.enumerated().map {
            "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\(XMLElement.escaped($1.etag))</ETag></Part>"
        }.joined()
        let body = S3Body(Array("<CompleteMultipartUpload>\(list)</CompleteMultipartUpload>".utf8))
        var call = Call(
            method: .POST, bucket: location.bucket, key: location.key, query: [("uploadId", identifier)],
            headers: [("content-type", "application/xml")], body: body, operation: "finish writing")
        // Keys that may only write are told nothing of what is there.
        let maySeeNothing = mode == .overwrite || isBlind
        var isBlind = isBlind
        var before: ObjectStatus?
        do { before = try await stat(location)?.0 } catch ObjectStorageError.permissionDenied where maySeeNothing {
            isBlind = true
        }
        if mode == .createOnly {
            guard before == nil else { throw ObjectStorageError.alreadyExists(path: call.path) }
            call.headers.append(("if-none-match", "*"))
        }
        let size = parts.reduce(0) { $0 + $1.size }
        let whole = Self.tag(ofParts: parts.flatMap(\.md5))
        // Those of encrypted buckets are none, and the tag of the whole may be made of them.
        let areDigests = parts.allSatisfy { Self.md5($0.etag, [:]) == $0.md5 }
        func isOurs(_ status: ObjectStatus) -> Bool {
            guard status.size == size else { return false }
            // Tags of other services may be made otherwise; one of this form must be right.
            if areDigests, status.etag.hasSuffix("-\(parts.count)\""), status.etag.utf8.count == whole.utf8.count {
                return status.etag == whole
            }
            return status != before
        }
        let answer: XMLElement
        do { answer = try await performAndRead(call, named: "CompleteMultipartUploadResult") } catch {
            // An attempt whose answer was lost may have done it; the upload is not known any more then.
            switch error {
            case ObjectStorageError.notFound, ObjectStorageError.alreadyExists:
                // It may still be at it, too: large objects take services a while to put together.
                for wait in isBlind ? [] : [0, 200, 500, 1000, 2000, 4000] {
                    try await Task.sleep(for: .milliseconds(wait))
                    guard let (status, headers) = try await stat(location) else { continue }
                    // What is there instead may be another's of the same size, whose tag is made otherwise; it may also be
                    // that somebody has given this upload up.
                    if status.etag == whole || word != nil && headers.first(name: Self.wordHeader) == word {
                        return status
                    }
                    break
                }
            default: break
            }
            throw error
        }
        if isBlind {
            // Each part was compared with its tag, and the tag of the whole is made of these.
            let etag = answer["ETag"]?.text ?? ""
            guard etag.isEmpty || isOurs(ObjectStatus(size: size, modificationTime: 0, etag: etag)) else {
                throw ObjectStorageError.damaged(path: call.path, checksum: "the tag of the whole")
            }
            return ObjectStatus(size: size, modificationTime: UTCTime.now, etag: etag)
        }
        guard let (status, _) = try await stat(location) else { throw ObjectStorageError.notFound(path: call.path) }
        guard status.size == size else {
            throw ObjectStorageError.truncated(path: call.path, expected: size, received: status.size)
        }
        // The same content again, within the second of the time of change, is the same status.
        guard isOurs(status) || status == before else {
            throw ObjectStorageError.damaged(path: call.path, checksum: "the tag of the whole")
        }
        return status
    }

    /// The tag that services give to objects in parts.
    ///
    /// - Parameter digests: those of all parts, one behind the other.
    static func tag(ofParts digests: [UInt8]) -> String {
        "\"\(Hexadecimal.encode(Insecure.MD5.hash(data: digests)))-\(digests.count / 16)\""
    }

    func abortUpload(_ location: S3Location, _ identifier: String) async throws {
        _ = try await perform(
            Call(
                method: .DELETE, bucket: location.bucket, key: location.key, query: [("uploadId", identifier)],
                operation: "give up writing"), accepting: [404])
    }
}

extension S3Client {
    /// What one request copies at most.
    private static let copyLimit: Int64 = 5 << 30

    /// Copies an object of known size; large ones in parts.
    func copy(_ source: S3Location, to target: S3Location, size: Int64) async throws {
        guard size > Self.copyLimit else { return try await copy(source, to: target) }
        let step: Int64 = 1 << 30
        let identifier = try await beginUpload(target)
        do {
            let starts = Array(stride(from: Int64(0), to: size, by: Int64.Stride(step)).enumerated())
            let tags = try await inParallel(starts, width: 4) { index, start in
                let call = Call(
                    method: .PUT, bucket: target.bucket, key: target.key,
                    query: [("partNumber", String(index + 1)), ("uploadId", identifier)],
                    headers: [
                        ("x-amz-copy-source", Self.copySource(source)),
                        ("x-amz-copy-source-range", "bytes=\(start)-\(min(size, start + step) - 1)"),
                    ], operation: "copy a part of '\(source.key)' to")
                return try await performAndRead(call, named: "CopyPartResult")["ETag"]?.text ?? ""
            }
            let list = tags.enumerated().map {
                "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\(XMLElement.escaped($1))</ETag></Part>"
            }.joined()
            let call = Call(
                method: .POST, bucket: target.bucket, key: target.key, query: [("uploadId", identifier)],
                headers: [("content-type", "application/xml")],
                body: S3Body(Array("<CompleteMultipartUpload>\(list)</CompleteMultipartUpload>".utf8)),
                operation: "finish copying to")
            try await performAndRead(call, named: "CompleteMultipartUploadResult")
        } catch {
            await Task { try? await abortUpload(target, identifier) }.value
            throw error
        }
    }
}
