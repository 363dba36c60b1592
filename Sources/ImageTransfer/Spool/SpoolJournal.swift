import Foundation
import ObjectStorage
import Synchronization

/// What was accepted and has not arrived, kept in a file so that it outlives the process.
///
/// The file `journal` has a line for each request, one for each arrival and one for each destination that refuses a
/// request. It is written anew when most of its lines are of the past. What can never arrive moves to another file: see
/// ``SetAsideList``. A lock on the file `lock` keeps a second daemon away.
final class SpoolJournal: Sendable {
    private struct State {
        var file: LineFile
        var waiting: [UUID: TransferRequest]
        var lines = 0
        /// Lines since the start of this process, those that are of the past too.
        var written: UInt64 = 0
    }

    let folder: String
    private let limit: Int
    private let lock: Int32
    private let state: Mutex<State>
    private let watch = WriteWatch()
    /// How many of the written lines are on the disk.
    private let flushed = Mutex<UInt64>(0)
    /// What the processes before have left.
    let recovered: [TransferRequest]
    let setAsideList: SetAsideList

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
        setAsideList = try SetAsideList(folder: folder, limit: limit)
        var known = try Self.read(folder)
        // A process that died when it had written the one file and not yet the other left a request in both.
        for entry in setAsideList.entries {
            known[entry.id]?.pending.removeAll { $0 == entry.destination }
            if known[entry.id]?.pending.isEmpty ?? false { known[entry.id] = nil }
        }
        recovered = known.values.sorted { ($0.accepted, $0.id.uuidString) < ($1.accepted, $1.id.uuidString) }
        state = Mutex(State(file: LineFile(folder: folder, name: "journal"), waiting: known))
        try state.withLock { state throws(DaemonError) in try rewrite(&state) }
    }

    deinit {
        state.withLock { $0.file.close() }
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
            try append(request.line, &state)
            state.waiting[request.id] = request
        }
    }

    /// Waits until what was accepted is on the disk, where a failing machine does not lose it. Blocks. Those who come
    /// while the disk is at work share the next flush.
    func synchronize() throws(DaemonError) {
        let wanted = state.withLock { $0.written }
        try flushed.withLock { flushed throws(DaemonError) in
            guard flushed < wanted else { return }
            let (descriptor, written) = state.withLock { (dup($0.file.descriptor), $0.written) }
            defer { close(descriptor) }
            try LineFile.flush(descriptor, folder)
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

    /// Notes that a destination refuses a request.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: when it did so for the first time.
    func refused(_ id: UUID, _ destination: String, now: Double) throws(DaemonError) -> Double {
        try state.withLock { state throws(DaemonError) in
            if let first = state.waiting[id]?.refused[destination] { return first }
            try append("F \(id.uuidString) \(destination) \(now)\n", &state)
            state.waiting[id]?.refused[destination] = now
            return now
        }
    }

    // MARK: Setting aside

    /// Moves a request from the spool to the list of those that are not tried any more. Blocks.
    func setAside(_ request: TransferRequest, _ destination: String, because reason: String) throws(DaemonError) {
        try setAsideList.add(SetAsideRequest(request, destination, reason: reason))
        try finish(request.id, destination)
    }

    /// Moves requests back into the spool, as long as it has room. Blocks.
    ///
    /// - Returns: those that are in the spool now, and wait to be sent.
    func bringBack(_ entries: [SetAsideRequest]) throws(DaemonError) -> [SetAsideRequest] {
        var back: [SetAsideRequest] = []
        for entry in entries {
            let hasRoom = try state.withLock { state throws(DaemonError) in
                // From an attempt after which the list could not be written.
                if state.waiting[entry.id]?.pending.contains(entry.destination) ?? false { return true }
                guard state.waiting.count < limit else { return false }
                var request = state.waiting[entry.id] ?? entry.request
                if !request.pending.contains(entry.destination) { request.pending.append(entry.destination) }
                request.refused[entry.destination] = nil
                try append(request.line, &state)
                state.waiting[entry.id] = request
                return true
            }
            guard hasRoom else { break }
            back.append(entry)
        }
        try synchronize()
        try setAsideList.remove(back)
        return back
    }

    // MARK: Lines

    private func append(_ line: String, _ state: inout State) throws(DaemonError) {
        try state.file.append(line, watch)
        state.lines += 1
        state.written += 1
    }

    private func rewrite(_ state: inout State) throws(DaemonError) {
        let requests = state.waiting.values.sorted { $0.accepted < $1.accepted }
        try state.file.replace(
            with: requests.map { request in
                request.line + request.refused.map { "F \(request.id.uuidString) \($0) \($1)\n" }.joined()
            })
        state.lines = state.waiting.count
    }

    private static func read(_ folder: String) throws(DaemonError) -> [UUID: TransferRequest] {
        var known: [UUID: TransferRequest] = [:]
        for line in try LineFile.lines(folder: folder, name: "journal") {
            let fields = line.split(separator: " ")
            if let request = TransferRequest(fields) {
                known[request.id] = request
                continue
            }
            guard fields.count >= 3, let id = UUID(uuidString: String(fields[1])) else { continue }
            if fields[0] == "D" {
                known[id]?.pending.removeAll { $0 == fields[2] }
                if known[id]?.pending.isEmpty ?? false { known[id] = nil }
            } else if fields[0] == "F", fields.count == 4, let time = Double(fields[3]) {
                known[id]?.refused[String(fields[2])] = time
            }
        }
        return known
    }
}
