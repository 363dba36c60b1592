import Foundation
import ObjectStorage
import Serving
import Synchronization

/// What was accepted and has not arrived, kept in a file so that it outlives the process.
///
/// The file `journal` has a line for each request and one for each arrival, appended with one write each; a last line
/// that was cut by the end of a process is ignored. It is written anew, to another file that then takes its name, when
/// most of its lines are of the past. A lock on the file `lock` keeps a second daemon away.
final class SpoolJournal: Sendable {
    private struct State {
        var descriptor: Int32
        var waiting: [UUID: TransferRequest]
        var lines: Int
        /// Bytes of whole lines.
        var length = 0
        /// Whether a line that was cut may follow them.
        var isCut = false
        /// Lines since the start of this process, those that are of the past too.
        var written: UInt64 = 0
    }

    private let folder: String
    private let limit: Int
    private let lock: Int32
    private let state: Mutex<State>
    private let watch = WriteWatch()
    /// How many of the written lines are on the disk.
    private let flushed = Mutex<UInt64>(0)
    /// What the processes before have left.
    let recovered: [TransferRequest]

    private var path: String { folder + "/journal" }

    /// Reads what is left. Blocks.
    ///
    /// - Throws: ``DaemonError/spoolInUse(path:)``, ``DaemonError/spoolBroken(path:reason:)``.
    init(folder: String, limit: Int) throws(DaemonError) {
        self.folder = folder
        self.limit = limit
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw .spoolBroken(path: folder, reason: "the folder cannot be made (\(error.localizedDescription))")
        }
        lock = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw .spoolBroken(path: folder, reason: String(cString: strerror(errno))) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .spoolInUse(path: folder)
        }
        let known = try Self.read(folder + "/journal", folder: folder)
        recovered = known.values.sorted { ($0.accepted, $0.id.uuidString) < ($1.accepted, $1.id.uuidString) }
        state = Mutex(State(descriptor: -1, waiting: known, lines: 0))
        try state.withLock { state throws(DaemonError) in try rewrite(&state) }
    }

    deinit {
        state.withLock { _ = close($0.descriptor) }
        close(lock)
    }

    var count: Int { state.withLock { $0.waiting.count } }

    /// Whether lines are written without waits: into the system's memory, as is usual.
    var isQuick: Bool { watch.isQuick }

    /// Takes a request into the spool.
    ///
    /// - Throws: ``DaemonError/spoolFull(limit:)``, ``DaemonError/spoolBroken(path:reason:)``; it is not in
    ///   the spool then.
    func accept(_ request: TransferRequest) throws(DaemonError) {
        try state.withLock { state throws(DaemonError) in
            guard state.waiting.count < limit else { throw .spoolFull(limit: limit) }
            try append(Self.line(request), &state)
            state.waiting[request.id] = request
        }
    }

    /// Waits until what was accepted is on the disk, where a failing machine does not lose it. Blocks. Those who come
    /// while the disk is at work share the next flush.
    func synchronize() throws(DaemonError) {
        let wanted = state.withLock { $0.written }
        try flushed.withLock { flushed throws(DaemonError) in
            guard flushed < wanted else { return }
            let (descriptor, written) = state.withLock { (dup($0.descriptor), $0.written) }
            defer { close(descriptor) }
            guard fdatasync(descriptor) == 0 else {
                throw .spoolBroken(path: folder, reason: String(cString: strerror(errno)))
            }
            flushed = written
        }
    }

    /// A destination has the file, or will not get it.
    ///
    /// - Returns: whether that was the last one.
    @discardableResult
    func finish(_ id: UUID, _ destination: String) throws(DaemonError) -> Bool {
        try state.withLock { state throws(DaemonError) in
            guard var request = state.waiting[id] else { return false }
            request.pending.removeAll { $0 == destination }
            let isLast = request.pending.isEmpty
            state.waiting[id] = isLast ? nil : request
            try append("D \(id.uuidString) \(destination)\n", &state)
            if state.lines > 20_000, state.lines > 8 * state.waiting.count { try rewrite(&state) }
            return isLast
        }
    }

    private func append(_ line: String, _ state: inout State) throws(DaemonError) {
        try cutBack(&state)
        var text = line
        let (written, code) = text.withUTF8 { bytes in
            watch.timing { (write(state.descriptor, bytes.baseAddress, bytes.count), errno) }
        }
        guard written == line.utf8.count else {
            state.isCut = written > 0
            try cutBack(&state)
            throw .spoolBroken(path: folder, reason: String(cString: strerror(written < 0 ? code : ENOSPC)))
        }
        state.length += written
        state.lines += 1
        state.written += 1
    }

    /// Takes away the beginning of a line that a full disk has cut: it would swallow the next one. Needs no room.
    private func cutBack(_ state: inout State) throws(DaemonError) {
        guard state.isCut else { return }
        guard ftruncate(state.descriptor, off_t(state.length)) == 0 else {
            throw .spoolBroken(path: folder, reason: String(cString: strerror(errno)))
        }
        state.isCut = false
    }

    private func rewrite(_ state: inout State) throws(DaemonError) {
        let new = path + ".new"
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
        func fail() -> DaemonError {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            unlink(new)
            return .spoolBroken(path: folder, reason: reason)
        }
        guard descriptor >= 0 else { throw fail() }
        var text = state.waiting.values.sorted { $0.accepted < $1.accepted }.map(Self.line).joined()
        let written = text.withUTF8 { $0.isEmpty ? 0 : write(descriptor, $0.baseAddress, $0.count) }
        guard written == text.utf8.count, fdatasync(descriptor) == 0, rename(new, path) == 0 else { throw fail() }
        if state.descriptor >= 0 { close(state.descriptor) }
        state.descriptor = descriptor
        (state.length, state.isCut) = (written, false)
        state.lines = state.waiting.count
    }

    // MARK: Lines

    private static func line(_ request: TransferRequest) -> String {
        let fields = [
            request.id.uuidString, request.priority.rawValue, String(request.accepted),
            request.pending.joined(separator: ","), request.deletes ? "delete" : "keep",
            PercentEncoding.encode(request.file), PercentEncoding.encode(request.bucket),
            PercentEncoding.encode(request.key), "=" + PercentEncoding.encode(request.slug ?? ""),
            "=" + PercentEncoding.encode(request.uri),
        ]
        return "A " + fields.joined(separator: " ") + "\n"
    }

    private static func read(_ path: String, folder: String) throws(DaemonError) -> [UUID: TransferRequest] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw .spoolBroken(path: folder, reason: error.localizedDescription)
        }
        var known: [UUID: TransferRequest] = [:]
        // What follows the last line end was cut.
        guard let end = data.lastIndex(of: 0x0A) else { return [:] }
        for line in data[..<end].split(separator: 0x0A) {
            let fields = String(decoding: line, as: UTF8.self).split(separator: " ").map(String.init)
            guard fields.count >= 3, let id = UUID(uuidString: fields[1]) else { continue }
            if fields[0] == "D" {
                known[id]?.pending.removeAll { $0 == fields[2] }
                if known[id]?.pending.isEmpty ?? false { known[id] = nil }
                continue
            }
            guard fields[0] == "A", fields.count == 11, let priority = TransferPriority(rawValue: fields[2]),
                let accepted = Double(fields[3]), let file = PercentEncoding.decode(fields[6]),
                let bucket = PercentEncoding.decode(fields[7]), let key = PercentEncoding.decode(fields[8]),
                let slug = PercentEncoding.decode(fields[9].dropFirst()),
                let uri = PercentEncoding.decode(fields[10].dropFirst())
            else { continue }
            known[id] = TransferRequest(
                id: id, file: file, bucket: bucket, key: key, priority: priority, slug: slug.isEmpty ? nil : slug,
                uri: uri, accepted: accepted, pending: fields[4].split(separator: ",").map(String.init),
                deletes: fields[5] == "delete")
        }
        return known
    }
}
