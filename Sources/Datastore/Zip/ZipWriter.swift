import ByteText
import CZlib
import ObjectStorage

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Writes a zip archive front to back: members as they are, or deflated. Archives beyond 4 GB and 65535 members get the
/// wide fields (zip64) that they need; others have none. Times are not recorded, so that equal content gives an equal
/// archive. Source: PKWARE APPNOTE 6.3.10.
///
/// The archive appears under its name with ``finish()``; before that it is a hidden file beside it, which goes away
/// with the writer. All methods block. Memory: one piece of a file, and the index.
struct ZipWriter: ~Copyable {
    private let target: String
    private let temporary: String
    private let descriptor: Int32
    private var offset: UInt64 = 0
    private var entries: [ZipEntry] = []
    private var isFinished = false

    private static let pieceSize = 1 << 20

    /// - Parameter target: an absolute path in a folder that exists.
    init(target: String) throws(ObjectStorageError) {
        self.target = target
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        let name = ".steward-" + String(repeating: "0", count: 16 - digits.utf8.count) + digits + ".partial"
        temporary = (target.folderInPath ?? "") + "/" + name
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw LocalFile.failure(target, "write") }
    }

    deinit {
        close(descriptor)
        if !isFinished { unlink(temporary) }
    }

    // MARK: Members

    /// Adds bytes, deflated.
    mutating func addDeflated(_ name: String, _ bytes: [UInt8]) throws {
        guard let packed = Deflation.deflate(bytes) else {
            throw DatastoreError.malformedZip(path: target, reason: "'\(name)' cannot be packed")
        }
        try begin(
            ZipEntry(
                name: Array(name.utf8), method: 8, checksum: Inflation.checksum(bytes),
                compressedSize: UInt64(packed.count), size: UInt64(bytes.count), offset: offset))
        try append(packed)
    }

    /// Adds bytes as they are.
    mutating func add(_ name: String, _ bytes: [UInt8]) throws {
        let size = UInt64(bytes.count)
        try begin(
            ZipEntry(
                name: Array(name.utf8), method: 0, checksum: Inflation.checksum(bytes), compressedSize: size,
                size: size, offset: offset))
        try append(bytes)
    }

    /// Adds a file as it is. It is read once.
    /// - Throws: `ObjectStorageError.changedWhileReading` when it grows or shrinks meanwhile.
    mutating func add(_ name: String, file: String) throws {
        let source = open(file, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw LocalFile.failure(file, "read") }
        defer { close(source) }
        var status = stat()
        guard fstat(source, &status) == 0 else { throw LocalFile.failure(file, "read") }
        let size = UInt64(max(0, status.st_size))
        let nameBytes = Array(name.utf8)
        // The checksum is written over the header once it is known.
        let headerOffset = offset
        let provisional = ZipEntry(
            name: nameBytes, method: 0, checksum: 0, compressedSize: size, size: size, offset: headerOffset)
        try begin(provisional)
        entries.removeLast()
        var checksum: UInt = 0
        var copied: UInt64 = 0
        var piece = [UInt8](repeating: 0, count: Self.pieceSize)
        while true {
            let count = piece.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw LocalFile.failure(file, "read")
            }
            if count == 0 { break }
            copied += UInt64(count)
            guard copied <= size else { break }
            checksum = piece.withUnsafeBufferPointer { UInt(crc32_z(checksum, $0.baseAddress, count)) }
            try append(piece[..<count])
        }
        guard copied == size else { throw ObjectStorageError.changedWhileReading(path: file) }
        let entry = ZipEntry(
            name: nameBytes, method: 0, checksum: UInt32(truncatingIfNeeded: checksum), compressedSize: size,
            size: size, offset: headerOffset)
        try write(entry.localHeader, at: headerOffset)
        entries.append(entry)
    }

    private mutating func begin(_ entry: ZipEntry) throws {
        try append(entry.localHeader)
        entries.append(entry)
    }

    // MARK: Index

    /// Writes the index, waits until all is on the disk, and gives the archive its name.
    /// - Parameter overwrites: whether a file of this name is replaced.
    /// - Throws: `ObjectStorageError.alreadyExists`.
    consuming func finish(overwrites: Bool) throws {
        let start = offset
        for entry in entries { try append(entry.directoryEntry) }
        try append(ZipEntry.end(entries: UInt64(entries.count), start: start, size: offset - start))
        guard fsync(descriptor) == 0 else { throw LocalFile.failure(target, "flush") }
        if overwrites {
            try LocalFile.rename(temporary, to: target) {}
            isFinished = true
        } else {
            guard link(temporary, target) == 0 else {
                if errno == EEXIST { throw ObjectStorageError.alreadyExists(path: target) }
                throw LocalFile.failure(target, "write")
            }
        }
    }

    // MARK: Bytes

    private mutating func append(_ bytes: some Collection<UInt8>) throws {
        try write(bytes, at: offset)
        offset += UInt64(bytes.count)
    }

    private func write(_ bytes: some Collection<UInt8>, at start: UInt64) throws {
        let bytes = Array(bytes)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress, $0.count, off_t(start) + off_t(done))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw LocalFile.failure(target, "write")
            }
            done += count
        }
    }
}

/// Raw deflate data, by zlib.
enum Deflation {
    /// `nil` for more than 4 GB, or without memory.
    static func deflate(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count < Int(UInt32.max) else { return nil }
        var stream = z_stream()
        guard
            deflateInit2_(
                &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
        let status = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                return CZlib.deflate(&stream, Z_FINISH)
            }
        }
        guard status == Z_STREAM_END else { return nil }
        output.removeLast(output.count - Int(stream.total_out))
        return output
    }
}
