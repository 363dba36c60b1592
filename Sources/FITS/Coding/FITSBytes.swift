#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The bytes of a file that is decoded: all of them in memory, or on the disk, where only those are read that somebody
/// asks for. Pixels that are stored as they are then take one way from the disk to their array.
///
/// Bytes of a file on disk are read once, so one that changes meanwhile confuses nobody. One thread at a time.
final class FITSBytes {
    /// Room for all bytes. Those of a file are there after ``load(_:)``.
    let base: UnsafeMutableRawPointer?
    let count: Int
    private let file: String
    /// `nil` when all bytes are there.
    private let descriptor: Int32?

    private init(base: UnsafeMutableRawPointer?, count: Int, file: String, descriptor: Int32?) {
        self.base = base
        self.count = count
        self.file = file
        self.descriptor = descriptor
    }

    deinit {
        guard let descriptor else { return }
        close(descriptor)
        if let base { munmap(base, max(1, count)) }
    }

    /// Runs `body` with bytes in memory.
    static func using<Result>(
        _ bytes: [UInt8], file: String, _ body: (FITSBytes) throws(FITSError) -> Result
    ) throws(FITSError) -> Result {
        var outcome: Swift.Result<Result, FITSError>?
        bytes.withUnsafeBytes { buffer in
            // Nobody writes: cfitsio's interface takes a mutable pointer for both modes.
            let whole = FITSBytes(
                base: UnsafeMutableRawPointer(mutating: buffer.baseAddress), count: buffer.count, file: file,
                descriptor: nil)
            outcome = Swift.Result { () throws(FITSError) in try body(whole) }
        }
        guard let outcome else {
            throw .system(file: file, operation: "read", message: "its bytes are not there")
        }
        return try outcome.get()
    }

    /// Opens a file. The room for its bytes takes no memory before they are read, and none from where arrays come from:
    /// large ones that come and go there would give their pages back each time, and fault them in again.
    convenience init(contentsOf path: String) throws(FITSError) {
        func failure(_ message: String) -> FITSError { .system(file: path, operation: "open", message: message) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw failure("it is not a regular file")
        }
        let size = Int(status.st_size)
        guard let room = mmap(nil, max(1, size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0),
            room != MAP_FAILED
        else {
            let message = String(cString: strerror(errno))
            close(descriptor)
            throw failure(message)
        }
        self.init(base: room, count: size, file: path, descriptor: descriptor)
    }

    /// Bytes that are there.
    subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base.map { $0 + range.lowerBound }, count: range.count)
    }

    /// Reads a part of the file to its place in ``base``.
    func load(_ range: Range<Int>) throws(FITSError) {
        guard descriptor != nil, let base, !range.isEmpty else { return }
        try read(range.lowerBound, into: UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// Reads a part of the file to another place.
    func read(_ offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FITSError) {
        guard let descriptor else {
            buffer.copyMemory(from: self[offset..<(offset + buffer.count)])
            return
        }
        var done = 0
        while done < buffer.count, let start = buffer.baseAddress {
            let got = pread(descriptor, start + done, buffer.count - done, off_t(offset) + off_t(done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else {
                throw .system(
                    file: file, operation: "read",
                    message: got < 0 ? String(cString: strerror(errno)) : "it became shorter while it was read")
            }
            done += got
        }
    }
}
