import NIOCore
import Synchronization

/// The bytes of a part of a file, a quarter of a mebibyte at a time, read on the threads for blocking calls.
struct FilePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let file: LocalFileSource
    let range: Range<Int64>
    var digests: Digests?
    static let size = 1 << 18
    /// Files and parts up to this are read at once.
    static let short = 1 << 19

    /// The digest of what was read last, from the beginning on.
    final class Digests: Sendable {
        private let last = Mutex<StreamDigest?>(nil)

        fileprivate func begin() -> StreamDigest {
            let new = StreamDigest()
            last.withLock { $0 = new }
            return new
        }

        /// `nil` unless so many bytes were read.
        func finish(length: Int64) async -> [UInt8]? { await last.withLock { $0 }?.finish(length: length) }
    }

    func makeAsyncIterator() -> Iterator {
        Iterator(file: file, offset: range.lowerBound, end: range.upperBound, digest: digests?.begin())
    }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let file: LocalFileSource
        fileprivate var offset: Int64
        fileprivate let end: Int64
        fileprivate let digest: StreamDigest?
        private let memory = Memory()
        private var turn = 0

        fileprivate init(file: LocalFileSource, offset: Int64, end: Int64, digest: StreamDigest?) {
            self.file = file
            self.offset = offset
            self.end = end
            self.digest = digest
        }

        mutating func next() async throws -> ByteBuffer? {
            guard offset < end else { return nil }
            let (file, start, count) = (file, offset, Int(Swift.min(Int64(FilePieces.size), end - offset)))
            let piece = memory.pieces[turn]
            turn = (turn + 1) % memory.pieces.count
            let isLast = start + Int64(count) == end
            let buffer = try await POSIXObjectStore.sharedPool.run {
                let buffer = try piece.fill(file, start, count)
                // Without its last bytes the store takes nothing.
                if isLast { try file.checkUnchanged() }
                return buffer
            }
            offset += Int64(count)
            await digest?.add(buffer)
            return buffer
        }
    }

    /// Memory for one file at a time: one piece of it is sent, one digested and one read. It serves one file after
    /// another, as memory of changing threads would be given back to the system late.
    private final class Memory: Sendable {
        private static let free = Mutex<[[Piece]]>([])
        /// So many are kept for files to come.
        private static let kept = 32

        let pieces: [Piece]

        init() { pieces = Self.free.withLock { $0.popLast() } ?? [Piece(), Piece(), Piece()] }

        deinit { Self.free.withLock { if $0.count < Self.kept { $0.append(pieces) } } }
    }

    /// Memory that is used again once nobody else holds what was in it.
    private final class Piece: Sendable {
        private let buffer = Mutex(ByteBuffer())

        func fill(_ file: LocalFileSource, _ offset: Int64, _ count: Int) throws(ObjectStorageError) -> ByteBuffer {
            try buffer.withLock { buffer throws(ObjectStorageError) in
                buffer.clear(minimumCapacity: count)
                try file.fill(&buffer, offset, count)
                return buffer
            }
        }
    }
}

extension LocalFileSource {
    /// Blocks.
    func buffer(_ offset: Int64, _ count: Int) throws(ObjectStorageError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        try fill(&buffer, offset, count)
        return buffer
    }

    /// Appends bytes of the file. Blocks.
    fileprivate func fill(_ buffer: inout ByteBuffer, _ offset: Int64, _ count: Int) throws(ObjectStorageError) {
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
    }

    /// The digest of a part, and its bytes too when it is short. Blocks.
    func digest(
        _ range: Range<Int64>, _ algorithm: ChecksumAlgorithm = .md5
    ) throws(ObjectStorageError) -> (digest: [UInt8], bytes: ByteBuffer?) {
        guard var sum = RunningChecksum(algorithm) else { return ([], nil) }
        if range.count <= FilePieces.short {
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
