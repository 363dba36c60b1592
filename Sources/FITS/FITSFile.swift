#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The whole content of a FITS file as values.
///
/// Reading and writing block and take memory for the decoded data and, but for plain images, for their part of the file:
/// call them on a thread pool for blocking work. Pixels that are stored as they are are copied and swapped here; cfitsio does
/// all other coding, always on memory, never on the disk, so no file name is ever interpreted as cfitsio's extended file
/// name syntax, and a file that changes while it is read cannot confuse it.
public struct FITSFile: Sendable, Hashable {
    /// The first is the primary HDU.
    public var hdus: [FITSHDU]

    public init(hdus: [FITSHDU]) { self.hdus = hdus }

    /// Reads a file.
    ///
    /// - Throws: `FITSError` naming the file: `.system` when it cannot be read, `.notFITS`, `.truncated`, `.malformed`
    ///   or `.library` when it is not whole, `.tooLarge` when its headers claim more than the limits.
    public init(contentsOf path: String, limits: FITSLimits = FITSLimits()) throws(FITSError) {
        try self.init(try FITSBytes(contentsOf: path), name: path, limits: limits)
    }

    /// Reads a file from memory. `name` is what errors call it.
    public init(bytes: [UInt8], name: String = "FITS data", limits: FITSLimits = FITSLimits()) throws(FITSError) {
        self = try FITSBytes.using(bytes, file: name) { bytes throws(FITSError) in
            try FITSFile(bytes, name: name, limits: limits)
        }
    }

    private init(_ bytes: FITSBytes, name: String, limits: FITSLimits) throws(FITSError) {
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
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hdus.reduce(0) { $0 + 5760 + ($1.image?.pixels.byteCount ?? 0) })
        try FITSEncoder(file: name).encode(hdus) { piece in bytes.append(contentsOf: piece) }
        return bytes
    }

    /// Writes the file under a temporary name beside `path`, which it then takes; on failure nothing is left.
    ///
    /// - Throws: `.alreadyExists` unless overwriting; `.system` with the cause (no space, no permission, …); and the
    ///   errors of `bytes()`.
    public func write(to path: String, overwriting: Bool = false) throws(FITSError) {
        try DiskFile.write(to: path, overwriting: overwriting) { sink throws(FITSError) in
            try FITSEncoder(file: path).encode(hdus, sink)
        }
    }
}

/// Files that appear when they are whole.
private enum DiskFile {
    private static func failure(_ path: String, _ operation: String) -> FITSError {
        .system(file: path, operation: operation, message: String(cString: strerror(errno)))
    }

    static func write(
        to path: String, overwriting: Bool,
        _ content: ((UnsafeRawBufferPointer) throws(FITSError) -> Void) throws(FITSError) -> Void
    ) throws(FITSError) {
        let temporary = "\(path).\(String(UInt32.random(in: .min ... .max), radix: 16)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(path, "write") }
        var keep = false
        defer { if !keep { unlink(temporary) } }
        do throws(FITSError) {
            try content { piece throws(FITSError) in try append(piece, to: descriptor, path) }
        } catch {
            close(descriptor)
            throw error
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

    private static func append(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
    ) throws(FITSError) {
        var written = 0
        while written < bytes.count, let base = bytes.baseAddress {
            let count = posixWrite(descriptor, base + written, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path, "write") }
            written += count
        }
    }
}

private func posixWrite(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, base, count)
}
