import NIOCore

/// The bytes of a part of a file, a mebibyte at a time, read on the threads for blocking calls.
struct FilePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let file: LocalFileSource
    let range: Range<Int64>
    static let size = 1 << 20

    func makeAsyncIterator() -> Iterator { Iterator(file: file, offset: range.lowerBound, end: range.upperBound) }

    struct Iterator: AsyncIteratorProtocol {
        let file: LocalFileSource
        var offset: Int64
        let end: Int64

        mutating func next() async throws -> ByteBuffer? {
            guard offset < end else { return nil }
            let (file, start, count) = (file, offset, Int(Swift.min(Int64(FilePieces.size), end - offset)))
            let buffer = try await POSIXObjectStore.sharedPool.run { try file.buffer(start, count) }
            offset += Int64(count)
            return buffer
        }
    }
}

extension LocalFileSource {
    /// Blocks.
    func buffer(_ offset: Int64, _ count: Int) throws(ObjectStorageError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var failure: ObjectStorageError?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            do throws(ObjectStorageError) {
                try fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), at: offset)
                return count
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        return buffer
    }

    /// The digest of a part, and its bytes too when it is short. Blocks.
    func digest(
        _ range: Range<Int64>, _ algorithm: ChecksumAlgorithm = .md5
    ) throws(ObjectStorageError) -> (digest: [UInt8], bytes: ByteBuffer?) {
        guard var sum = RunningChecksum(algorithm) else { return ([], nil) }
        if range.count <= FilePieces.size {
            let bytes = try buffer(range.lowerBound, range.count)
            bytes.withUnsafeReadableBytes { sum.update($0) }
            return (sum.finish(), bytes)
        }
        // Small enough for the second cache of a processor.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
        defer { memory.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: memory[..<Int(Swift.min(Int64(memory.count), range.upperBound - offset))])
            try fill(piece, at: offset)
            sum.update(UnsafeRawBufferPointer(piece))
            offset += Int64(piece.count)
        }
        return (sum.finish(), nil)
    }
}
