import Foundation

/// A file of lines, each appended with one write, so that only the last one can have been cut by the end of a process.
/// Not for several threads at a time.
struct LineFile: Sendable {
    let folder: String
    let name: String
    private(set) var descriptor: Int32 = -1
    /// Bytes of whole lines.
    private var length = 0
    /// Whether a line that was cut may follow them.
    private var isCut = false

    private var path: String { folder + "/" + name }

    init(folder: String, name: String) {
        self.folder = folder
        self.name = name
    }

    /// Bytes. No line is longer.
    private static let longest = 1 << 17

    /// The whole lines of a file; none without the file. Blocks.
    ///
    /// - Returns: also whether what follows the last line end is no beginning of a line, as a process leaves that ends while it
    ///   writes: a failing machine leaves zeros.
    static func lines(folder: String, name: String) throws(DaemonError) -> (lines: [String], isDamaged: Bool) {
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)) } catch CocoaError.fileReadNoSuchFile
        { return ([], false) } catch {
            throw .spoolUnreadable(path: folder, reason: error.localizedDescription)
        }
        let end = data.lastIndex(of: 0x0A).map { $0 + 1 } ?? data.startIndex
        let lines = data[..<end].split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        return (lines, data.count - end > longest || data[end...].contains(0))
    }

    /// Keeps a copy of a file some of whose lines cannot be read, as it is about to be written anew without them. Blocks.
    ///
    /// - Returns: the copy's path.
    static func keepDamaged(folder: String, name: String) throws(DaemonError) -> String {
        let (path, kept) = ("\(folder)/\(name)", "\(folder)/\(name).damaged-\(UUID.random().uuidString)")
        do { try FileManager.default.copyItem(atPath: path, toPath: kept) } catch {
            throw .spoolBroken(path: path, reason: "a line is damaged; \(error.localizedDescription)")
        }
        return kept
    }

    func close() { if descriptor >= 0 { _ = Foundation.close(descriptor) } }

    /// Appends a line, into the system's memory.
    ///
    /// - Parameter line: with its end.
    mutating func append(_ line: String, _ watch: WriteWatch) throws(DaemonError) {
        try cutBack()
        var text = line
        let (written, code) = text.withUTF8 { bytes in
            watch.timing { (write(descriptor, bytes.baseAddress, bytes.count), errno) }
        }
        guard written == line.utf8.count else {
            isCut = written > 0
            try cutBack()
            throw failure(written < 0 ? code : ENOSPC)
        }
        length += written
    }

    /// Takes the last line away again.
    mutating func takeBack(_ line: String) throws(DaemonError) {
        length -= line.utf8.count
        isCut = true
        try cutBack()
    }

    /// Takes away the beginning of a line that a full disk has cut: it would swallow the next one. Needs no room.
    private mutating func cutBack() throws(DaemonError) {
        guard isCut else { return }
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw failure(errno) }
        isCut = false
    }

    /// Takes all lines away, where they are: that needs no room.
    mutating func clear() throws(DaemonError) {
        guard ftruncate(descriptor, 0) == 0 else { throw failure(errno) }
        (length, isCut) = (0, false)
    }

    /// Goes on with the file as it is, where there is no room to write it anew. Blocks.
    mutating func resume() throws(DaemonError) {
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw .spoolUnreadable(path: folder, reason: error.localizedDescription)
        }
        let old = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard old >= 0 else { throw failure(errno) }
        close()
        (descriptor, length) = (old, data.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)
        isCut = length < data.count
        try cutBack()
    }

    /// Waits until the lines are on the disk, where a failing machine does not lose them. Blocks.
    func flush() throws(DaemonError) { try Self.flush(descriptor, folder) }

    static func flush(_ descriptor: Int32, _ folder: String) throws(DaemonError) {
        guard fdatasync(descriptor) == 0 else {
            throw .spoolBroken(path: folder, reason: String(cString: strerror(errno)))
        }
    }

    /// Writes the file anew, to another file that then takes its name: it has all of the new lines, or all of the old
    /// ones, whatever happens. Blocks until that is on the disk.
    mutating func replace(with lines: some Sequence<String>) throws(DaemonError) {
        let new = path + ".new"
        let fresh = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
        func fail() -> DaemonError {
            let code = errno
            if fresh >= 0 { _ = Foundation.close(fresh) }
            unlink(new)
            return failure(code)
        }
        guard fresh >= 0 else { throw fail() }
        var text = lines.joined()
        let written = text.withUTF8 { $0.isEmpty ? 0 : write(fresh, $0.baseAddress, $0.count) }
        guard written == text.utf8.count, fdatasync(fresh) == 0, rename(new, path) == 0 else { throw fail() }
        close()
        (descriptor, length, isCut) = (fresh, written, false)
        // Without it a failing machine could come up with the old file, and without the lines to come.
        let place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard place >= 0 else { throw failure(errno) }
        defer { _ = Foundation.close(place) }
        guard fsync(place) == 0 else { throw failure(errno) }
    }

    private func failure(_ code: Int32) -> DaemonError {
        .spoolBroken(path: folder, reason: String(cString: strerror(code)))
    }
}
