import Synchronization

/// How local files are stored.
extension S3Client {
    /// Files larger than this go in parts of this size, several at a time.
    public static let partThreshold: Int64 = 16 << 20

    /// How many parts of a file are on their way at a time.
    private static let partsAtOnce = 4

    /// Over how many connections a file is sent at a time.
    public static func connections(forBytes size: Int64, partSize: Int64) -> Int {
        Int(min(Int64(partsAtOnce), max(1, (size + max(5 << 20, partSize) - 1) / max(5 << 20, partSize))))
    }

    /// Stores a file. It must not change meanwhile.
    ///
    /// - Parameter isSeenEarly: whether others may see the object before the service's digest of it was compared, and
    ///   it was stored once more if need be. It then need not be read twice.
    /// - Parameter lastLook: called once parts are stored, before they become an object, which what it throws keeps them from.
    /// - Throws: `.changedWhileReading`; what ``put(_:_:mode:isBlind:metadata:)`` throws. Nothing is stored then.
    func put(
        _ location: S3Location, file: LocalFileSource, mode: WriteMode, partSize: Int64 = S3Client.partThreshold,
        isSeenEarly: Bool = false, isBlind: Bool = false, metadata: [(name: String, value: String)] = [],
        lastLook: (() async throws -> Void)? = nil
    ) async throws -> ObjectStatus {
        let pool = POSIXObjectStore.sharedPool
        guard file.size > partSize else {
            do {
                let status = try await sending(file, 0..<file.size, digestsMeanwhile: isSeenEarly) {
                    try await put(location, $0, mode: mode, isBlind: isBlind, metadata: metadata)
                }
                try await pool.run { try file.checkUnchanged() }
                return status
            } catch {
                try await pool.run { try file.checkUnchanged() }
                throw error
            }
        }
        if mode == .createOnly, !isBlind, try await stat(location) != nil {
            throw ObjectStorageError.alreadyExists(path: location.path)
        }
        // At most ten thousand parts are allowed.
        let size = max(partSize, (file.size + 9_999) / 10_000)
        let ranges = stride(from: Int64(0), to: file.size, by: Int64.Stride(size)).map {
            $0..<min(file.size, $0 + size)
        }
        let word = Self.newWord
        let identifier = try await beginUpload(location, metadata: metadata + [(Self.wordHeader, word)])
        do {
            let parts = try await inParallel(Array(ranges.enumerated()), width: Self.partsAtOnce) { index, range in
                // Nobody sees parts.
                try await sending(file, range, digestsMeanwhile: true) {
                    try await storePart(location, identifier, number: index + 1, $0)
                }
            }
            try await pool.run { try file.checkUnchanged() }
            try await lastLook?()
            return try await finishUpload(
                location, identifier, parts: parts, mode: mode, isBlind: isBlind, word: word)
        } catch {
            // Parts that nobody finishes cost space; a task that was cancelled must clean up all the same.
            await Task { try? await abortUpload(location, identifier) }.value
            // Some services drop an upload for one bad part: it has to begin anew.
            if case ObjectStorageError.notFound(let path) = error, path.hasPrefix("s3://") {
                throw ObjectStorageError.unreachable(
                    path: path, operation: "write", reason: "the service has dropped the upload in parts")
            }
            throw error
        }
    }

    /// Has a part of a file stored. Its digest goes along, or is compared with the tag afterwards.
    private func sending<Result: Sendable>(
        _ file: LocalFileSource, _ range: Range<Int64>, digestsMeanwhile: Bool,
        _ store: (S3Body) async throws -> Result
    ) async throws -> Result {
        if digestsMeanwhile, range.count > FilePieces.short, tags.areDigests.load(ordering: .relaxed) {
            let result = try await withLaterDigest { try await store(S3Body(file, range, md5: nil)) }
            if let result { return result }
        }
        let (digest, bytes) = try await POSIXObjectStore.sharedPool.run {
            let read = try file.digest(range)
            try file.checkUnchanged()
            return read
        }
        return try await store(bytes.map { S3Body($0, md5: digest) } ?? S3Body(file, range, md5: digest))
    }

    /// Stores bytes without their digest, which is compared with the tag of the answer.
    ///
    /// - Returns: `nil` if they have to be stored once more, with their digest: what is stored is damaged, or the tag
    ///   tells nothing.
    func withLaterDigest<Result: Sendable>(_ store: () async throws -> Result) async throws -> Result? {
        do { return try await store() } catch is TagIsNoDigest {
            tags.areDigests.store(false, ordering: .relaxed)
        } catch ObjectStorageError.damaged {
            // The service compares this time, and leaves what it has if that is better.
        }
        return nil
    }
}

/// What is known of the tags that a service makes.
final class ServiceTags: Sendable {
    /// Whether they are digests, as far as is known: those of encrypted buckets are none.
    let areDigests = Atomic<Bool>(true)
}

/// A tag tells nothing of what was stored, and no digest was sent along.
struct TagIsNoDigest: Error {}
