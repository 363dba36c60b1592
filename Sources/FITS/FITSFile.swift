#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The whole content of a FITS file as values.
///
/// Reading and writing block and take memory of the size of the file plus its decoded data: call them on a thread pool
/// for blocking work. cfitsio does the coding, always on memory, never on the disk, so no file name is ever
/// interpreted as cfitsio's extended file name syntax, and a file that changes while it is read cannot confuse it.
public struct FITSFile: Sendable, Hashable {
    /// The first is the primary HDU.
    public var hdus: [FITSHDU]

    public init(hdus: [FITSHDU]) { self.hdus = hdus }

    /// Reads a file.
    ///
    /// - Throws: `FITSError` naming the file: `.system` when it cannot be read, `.notFITS`, `.truncated`, `.malformed`
    ///   or `.library` when it is not whole, `.tooLarge` when its headers claim more than the limits.
    public init(contentsOf path: String, limits: FITSLimits = FITSLimits()) throws(FITSError) {
        try self.init(bytes: try DiskFile.read(path), name: path, limits: limits)
    }

    /// Reads a file from memory. `name` is what errors call it.
    public init(bytes: [UInt8], name: String = "FITS data", limits: FITSLimits = FITSLimits()) throws(FITSError) {
        let layouts = try StructureCheck(bytes: bytes, file: name, limits: limits).run()
        hdus = try FITSDecoder(file: name, limits: limits).decode(bytes, layouts: layouts)
    }

    /// The first HDU whose `EXTNAME` is this name (letter case does not matter).
    ///
    /// - Throws: `.missingHDU` with the names that are there.
    public func hdu(named name: String) throws(FITSError) -> FITSHDU {
        guard let found = hdus.first(where: { $0.name?.uppercased() == name.uppercased() }) else {
            throw .missingHDU(name: name, present: hdus.compactMap(\.name))
        }
        return found
    }

    /// The bytes of the file, with `DATASUM` and `CHECKSUM` in every HDU.
    ///
    /// - Throws: `.invalidCard`, `.unsupported` or `.invalidContent` for what FITS cannot express.
    public func bytes(name: String = "FITS data") throws(FITSError) -> [UInt8] {
        try FITSEncoder(file: name).encode(hdus)
    }

    /// Writes the file under a temporary name beside `path`, which it then takes; on failure nothing is left.
    ///
    /// - Throws: `.alreadyExists` unless overwriting; `.system` with the cause (no space, no permission, …); and the
    ///   errors of `bytes()`.
    public func write(to path: String, overwriting: Bool = false) throws(FITSError) {
        try DiskFile.write(try bytes(name: path), to: path, overwriting: overwriting)
    }
}

/// Whole files, read and written at once.
private enum DiskFile {
    private static func failure(_ path: String, _ operation: String) -> FITSError {
        .system(file: path, operation: operation, message: String(cString: strerror(errno)))
    }

    static func read(_ path: String) throws(FITSError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path, "open") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, "open") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .system(file: path, operation: "open", message: "it is not a regular file")
        }
        let size = Int(status.st_size)
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size, let base = buffer.baseAddress {
                let got = pread(descriptor, base + count, size - count, off_t(count))
                if got < 0, errno == EINTR { continue }
                failed = got < 0
                if got <= 0 { return }
                count += got
            }
        }
        if failed { throw failure(path, "read") }
        return bytes
    }

    static func write(_ bytes: [UInt8], to path: String, overwriting: Bool) throws(FITSError) {
        let temporary = "\(path).\(String(UInt32.random(in: .min ... .max), radix: 16)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(path, "write") }
        var keep = false
        defer { if !keep { unlink(temporary) } }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written, off_t(written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = failure(path, "write")
                close(descriptor)
                throw error
            }
            written += count
        }
        guard close(descriptor) == 0 else { throw failure(path, "write") }
        if overwriting {
            guard rename(temporary, path) == 0 else { throw failure(path, "write") }
            keep = true
        } else if link(temporary, path) != 0 {
            if errno == EEXIST { throw .alreadyExists(file: path) }
            throw failure(path, "write")
        }
    }
}
