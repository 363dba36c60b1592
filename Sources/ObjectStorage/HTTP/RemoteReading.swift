import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// One object behind HTTP, as it is read: the parts in which services differ.
struct RemoteObject: Sendable {
    /// What error texts name.
    let path: String
    let transport: HTTPTransport
    /// Sends `GET` with headers until an answer comes; statuses that are no success and not accepted are thrown.
    let open:
        @Sendable (
            _ headers: [(name: String, value: String)], _ accepted: Set<Int>
        ) async throws -> (response: HTTPClientResponse, slot: ConcurrencyLimit.Slot)
    /// What headers say of the object.
    let status: @Sendable (HTTPHeaders) throws -> ObjectStatus
    let stat: @Sendable () async throws -> ObjectStatus?
}

/// Reads an object from front to back. A connection that breaks is replaced by another from where it broke, of the same
/// version of the object. What the whole object must add up to is compared at its end.
actor RemoteReading {
    private let object: RemoteObject
    private var iterator: HTTPClientResponse.Body.AsyncIterator?
    private var slot: ConcurrencyLimit.Slot?
    /// The object's status as the first answer says it.
    let status: ObjectStatus
    private var offset: Int64 = 0
    private var sum: (running: RunningChecksum, expected: [UInt8], name: String)?
    private var rest = ByteBuffer()
    private var isAtEnd = false

    private var path: String { object.path }

    /// Opens the object.
    ///
    /// - Parameter etag: the version that it must be; others throw `.changedWhileReading`.
    init(_ object: RemoteObject, etag: String? = nil) async throws {
        self.object = object
        let (response, slot): (HTTPClientResponse, ConcurrencyLimit.Slot)
        do { (response, slot) = try await object.open(condition(etag), []) } catch ObjectStorageError.alreadyExists {
            throw ObjectStorageError.changedWhileReading(path: object.path)
        }
        self.slot = slot
        iterator = response.body.makeAsyncIterator()
        do { status = try object.status(response.headers) } catch let failure as TransientFailure {
            throw failure.error
        }
        guard etag.map({ isSame($0, status.etag) }) ?? true else {
            throw ObjectStorageError.changedWhileReading(path: object.path)
        }
        for algorithm in [ChecksumAlgorithm.md5, .crc32c, .crc32, .sha256, .sha1] {
            guard let expected = status.checksums[algorithm], let running = RunningChecksum(algorithm) else { continue }
            sum = (running, expected, algorithm.rawValue)
            break
        }
    }

    deinit { slot?.release() }

    /// The next bytes, at most `size`; `nil` at the end.
    ///
    /// - Throws: `.damaged`, `.truncated`, `.changedWhileReading`.
    func next(size: Int) async throws -> [UInt8]? {
        while rest.readableBytes < size, !isAtEnd { try await fill() }
        guard rest.readableBytes > 0 else { return nil }
        return rest.readBytes(length: min(size, rest.readableBytes))
    }

    private func fill() async throws {
        let read = try await object.transport.settings.retries.run(object.transport.budget) { attempt in
            if attempt > 1 { try await reopen() }
            return try await piece()
        }
        guard var piece = read else {
            isAtEnd = true
            finish()
            if let sum, sum.running.finish() != sum.expected {
                throw ObjectStorageError.damaged(path: path, checksum: sum.name)
            }
            return
        }
        offset += Int64(piece.readableBytes)
        piece.withUnsafeReadableBytes { sum?.running.update($0) }
        rest.discardReadBytes()
        rest.writeBuffer(&piece)
    }

    private func piece() async throws -> ByteBuffer? {
        guard offset < status.size || iterator != nil else { return nil }
        do {
            // The iterator is a reference in effect; it is put back so that the actor keeps it alive.
            var current = iterator
            iterator = nil
            let piece = try await current?.next(isolation: self)
            iterator = current
            if let piece { return piece }
        } catch {
            throw HTTPTransport.failure(error, path: path, operation: "read")
        }
        guard offset == status.size else {
            throw TransientFailure(error: .truncated(path: path, expected: status.size, received: offset))
        }
        return nil
    }

    private func reopen() async throws {
        finish()
        guard offset < status.size else { return }
        let (response, slot): (HTTPClientResponse, ConcurrencyLimit.Slot)
        do {
            (response, slot) = try await object.open([("range", "bytes=\(offset)-")] + condition(status.etag), [])
        } catch ObjectStorageError.alreadyExists {
            // A condition that does not hold: here, that the tag is the same.
            throw ObjectStorageError.changedWhileReading(path: path)
        }
        self.slot = slot
        iterator = response.body.makeAsyncIterator()
        guard let range = ContentRange(response.headers), range.lower == offset, range.size == status.size,
            response.headers.first(name: "etag").map({ $0 == status.etag }) ?? true
        else { throw ObjectStorageError.changedWhileReading(path: path) }
    }

    private func finish() {
        iterator = nil
        slot?.release()
        slot = nil
    }
}

/// Whether two tags may be of one version. Weak ones tell nothing, and listings of some servers leave out the quotes.
private func isSame(_ first: String, _ second: String) -> Bool {
    let tags = [first, second]
    guard tags.allSatisfy({ !$0.isEmpty && !$0.hasPrefix("W/") }) else { return true }
    return Set(tags.map { $0.replacing("\"", with: "") }).count == 1
}

/// The header that asks for one version. Weak tags never match.
private func condition(_ etag: String?) -> [(name: String, value: String)] {
    guard let etag, etag.hasPrefix("\"") else { return [] }
    return [("if-match", etag)]
}

/// `Content-Range: bytes 0-99/1234`.
struct ContentRange {
    let lower: Int64
    /// Behind the last byte.
    let upper: Int64
    let size: Int64

    init?(_ headers: HTTPHeaders) {
        guard let text = headers.first(name: "content-range") else { return nil }
        let words = text.split(whereSeparator: { " -/".contains($0) })
        guard words.count == 4, words[0] == "bytes", let lower = Int64(words[1]), let last = Int64(words[2]),
            let size = ObjectStatus.size(stated: words[3]), lower <= last, last < size
        else { return nil }
        (self.lower, upper, self.size) = (lower, last + 1, size)
    }
}

extension RemoteObject {
    /// The whole object, checked.
    func read() async throws -> [UInt8] {
        try await transport.settings.retries.run(transport.budget) { _ in
            let reading = try await RemoteReading(self)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(Int(clamping: min(reading.status.size, 1 << 30)))
            do {
                while let piece = try await reading.next(size: 1 << 20) { bytes += piece }
            } catch let error as ObjectStorageError {
                if case .damaged = error { throw TransientFailure(error: error) }
                throw error
            }
            return bytes
        }
    }

    /// The bytes of a range, cut at the end of the object.
    ///
    /// - Parameter etag: the version that it must be of; others throw `.changedWhileReading`.
    func read(_ range: Range<Int64>, etag: String? = nil) async throws -> [UInt8] {
        guard range.lowerBound >= 0, !range.isEmpty else {
            let size = try await sizeOfExisting()
            guard (0...size).contains(range.lowerBound) else { throw invalid(range, size) }
            return []
        }
        let headers = [("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")] + condition(etag)
        let answer: HTTPAnswer
        do {
            answer = try await transport.settings.retries.run(transport.budget) { _ in
                let answer = try await collect(headers)
                guard answer.status < 300, let got = ContentRange(answer.headers) else { return answer }
                let wanted = range.lowerBound..<min(range.upperBound, got.size)
                guard got.lower == wanted.lowerBound, got.upper == wanted.upperBound,
                    answer.body.readableBytes == wanted.count
                else {
                    throw TransientFailure(
                        error: .truncated(
                            path: path, expected: Int64(wanted.count), received: Int64(answer.body.readableBytes)))
                }
                return answer
            }
        } catch ObjectStorageError.alreadyExists {
            throw ObjectStorageError.changedWhileReading(path: path)
        }
        if let etag, etag.hasPrefix("\""), let found = answer.headers.first(name: "etag"), answer.status < 300,
            found != etag
        {
            throw ObjectStorageError.changedWhileReading(path: path)
        }
        // Some services mark ranges by the header only.
        if answer.status < 300, ContentRange(answer.headers) != nil { return Array(answer.body.readableBytesView) }
        if answer.status == 200 {
            // The service knows no ranges, or not of empty objects: it sends all.
            let size = Int64(answer.body.readableBytes)
            guard range.lowerBound <= size else { throw invalid(range, size) }
            return Array(answer.body.readableBytesView.dropFirst(Int(range.lowerBound)).prefix(range.count))
        }
        // 416: the range begins at the end or behind it.
        let size = try await sizeOfExisting()
        guard range.lowerBound <= size else { throw invalid(range, size) }
        guard range.lowerBound == size else { throw ObjectStorageError.changedWhileReading(path: path) }
        return []
    }

    private func collect(_ headers: [(name: String, value: String)]) async throws -> HTTPAnswer {
        let (response, slot) = try await open(headers, [416])
        defer { slot.release() }
        do {
            let body = try await response.body.collect(upTo: 1 << 31)
            if let length = response.headers.first(name: "content-length").flatMap({ Int($0) }),
                length != body.readableBytes
            {
                throw TransientFailure(
                    error: .truncated(path: path, expected: Int64(length), received: Int64(body.readableBytes)))
            }
            return HTTPAnswer(status: Int(response.status.code), headers: response.headers, body: body)
        } catch { throw HTTPTransport.failure(error, path: path, operation: "read") }
    }

    private func invalid(_ range: Range<Int64>, _ size: Int64) -> ObjectStorageError {
        .invalidRange(path: path, lower: range.lowerBound, upper: range.upperBound, size: size)
    }

    private func sizeOfExisting() async throws -> Int64 {
        guard let status = try await stat() else { throw ObjectStorageError.notFound(path: path) }
        return status.size
    }

    func read(_ ranges: [Range<Int64>]) async throws -> [[UInt8]] {
        guard let status = try await stat() else { throw ObjectStorageError.notFound(path: path) }
        return try await inParallel(ranges) { try await read($0, etag: status.etag) }
    }

    /// Pieces of at most `size` bytes.
    ///
    /// - Parameter etag: the version that they must be of; others throw `.changedWhileReading`.
    func chunks(_ size: Int, etag: String? = nil) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        let reading = try await RemoteReading(self, etag: etag)
        let size = max(1, size)
        return AsyncThrowingStream { try await reading.next(size: size) }
    }
}
