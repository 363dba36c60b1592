import Foundation
import ObjectStorage
import Synchronization

/// What was accepted and has not arrived, kept in a file so that it outlives the process.
///
/// The file `journal` has a line for each request, one for each arrival, and those for destinations that refuse a
/// request, or for which it was brought back. It is written anew when most of its lines are of the past. What can never arrive moves to another file: see
/// ``SetAsideList``. A lock on the file `lock` keeps a second daemon away.
final class SpoolJournal: Sendable {
    private struct State {
        var file: LineFile
        var waiting: [UUID: TransferRequest]
        var lines = 0
        /// Lines since the start of this process, those that are of the past too.
        var written: UInt64 = 0
        /// When it was tried last to make room on a full disk.
        var lastReclaim: ContinuousClock.Instant?
        /// Lines of ends for which there was no room. They come before all others: a request that is of the past must not
        /// be sent after a later one.
        var owed = ""
    }

    private static let name = "journal"

    let folder: String
    private let limit: Int
    private let lock: Int32
    private let state: Mutex<State>
    private let watch = WriteWatch()
    /// How many of the written lines are on the disk.
    private let flushed = Mutex<UInt64>(0)
    /// What the processes before have left.
    let recovered: [TransferRequest]
    /// Where the file is kept as it was found, if some of its lines could not be read.
    let damaged: String?
    let setAsideList: SetAsideList
    /// Held while requests move from the one file to the other.
    private let moving = Mutex<Void>(())

    /// Reads what is left. Blocks.
    ///
    /// - Throws: ``DaemonError/spoolInUse(path:)``, ``DaemonError/spoolBroken(path:reason:)``, and what
    ///   ``SpoolFolder/prepare(_:)`` throws.
    init(folder: String, limit: Int) throws(DaemonError) {
        self.folder = folder
        self.limit = limit
        try SpoolFolder.prepare(folder)
        lock = try SpoolFolder.lock(folder)
        setAsideList = try SetAsideList(folder: folder, limit: limit)
        var (known, isDamaged) = try Self.read(folder)
        damaged = isDamaged ? try LineFile.keepDamaged(folder: folder, name: Self.name) : nil
        // A process that died when it had written the one file and not yet the other left a request in both.
        for entry in setAsideList.entries {
            known[entry.id]?.pending.removeAll { $0 == entry.destination }
            if known[entry.id]?.pending.isEmpty ?? false { known[entry.id] = nil }
        }
        recovered = known.values.sorted { ($0.accepted, $0.id.uuidString) < ($1.accepted, $1.id.uuidString) }
        state = Mutex(State(file: LineFile(folder: folder, name: Self.name), waiting: known))
        try state.withLock { state throws(DaemonError) in
            do throws(DaemonError) { try rewrite(&state) } catch {
                // On a full disk what is in the spool can be sent all the same.
                guard FileManager.default.fileExists(atPath: folder + "/" + Self.name) else { throw error }
                try state.file.resume()
                if state.waiting.isEmpty { try state.file.clear() }
            }
        }
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
    /// - Returns: the request, if that was the last one.
    @discardableResult
    func finish(_ id: UUID, _ destination: String) throws(DaemonError) -> TransferRequest? {
        try state.withLock { state throws(DaemonError) in
            guard var request = state.waiting[id] else { return nil }
            request.pending.removeAll { $0 == destination }
            let isLast = request.pending.isEmpty
            state.waiting[id] = isLast ? nil : request
            let line = Self.end(id, destination)
            do throws(DaemonError) { try append(line, &state) } catch {
                state.owed += line
                throw error
            }
            trim(&state)
            return isLast ? request : nil
        }
    }

    /// Writes what there was no room for, now that nothing more comes.
    func settle() throws(DaemonError) {
        try state.withLock { state throws(DaemonError) in if !state.owed.isEmpty { try append("", &state) } }
    }

    private static func end(_ id: UUID, _ destination: String) -> String { "D \(id.uuidString) \(destination)\n" }

    /// Notes that a destination refuses a request.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: when it did so for the first time.
    func refused(_ id: UUID, _ destination: String, now: Double) throws(DaemonError) -> Double {
        try state.withLock { state throws(DaemonError) in
            if let first = state.waiting[id]?.refused[destination] { return first }
            try append(TransferRequest.timeLine("F", id, destination, now), &state)
            state.waiting[id]?.refused[destination] = now
            trim(&state)
            return now
        }
    }

    /// Notes that what is the matter with a destination now is no refusal: the time of refusals begins anew.
    func notRefused(_ id: UUID, _ destination: String) throws(DaemonError) {
        try state.withLock { state throws(DaemonError) in
            guard state.waiting[id]?.refused[destination] != nil else { return }
            try append(TransferRequest.timeLine("F", id, destination, 0), &state)
            state.waiting[id]?.refused[destination] = nil
            trim(&state)
        }
    }

    // MARK: Setting aside

    /// How many requests that may wait can be taken without keeping others out: half of the spool is for them.
    var room: Int { state.withLock { room($0) } }

    private func room(_ state: State) -> Int { max(0, max(1, limit / 2) - state.waiting.count) }

    /// Moves a request to the list of those that are not tried any more. Blocks.
    ///
    /// - Returns: what has kept the journal from noting that it is gone; the next process knows from the list.
    func setAside(_ entry: SetAsideRequest) throws(DaemonError) -> DaemonError? {
        try moving.withLock { _ throws(DaemonError) in
            try setAsideList.add(entry)
            do throws(DaemonError) { try finish(entry.id, entry.destination) } catch { return error }
            return nil
        }
    }

    /// Requests that are in the spool again, and how many more are to come.
    typealias BroughtBack = (back: [(request: TransferRequest, destination: String)], left: Int)

    /// Moves requests back into the spool, as long as it has room. Blocks.
    func bringBack(_ isWanted: (SetAsideRequest) -> Bool) throws(DaemonError) -> BroughtBack {
        try moving.withLock { _ throws(DaemonError) in
            let entries = setAsideList.entries.filter(isWanted)
            var back: [(request: TransferRequest, destination: String)] = []
            for entry in entries {
                guard let request = try bringBack(entry) else { break }
                back.append((request, entry.destination))
            }
            try synchronize()
            try setAsideList.remove(Array(entries.prefix(back.count)))
            return (back, entries.count - back.count)
        }
    }

    /// - Returns: `nil` without room.
    private func bringBack(_ entry: SetAsideRequest) throws(DaemonError) -> TransferRequest? {
        try state.withLock { state throws(DaemonError) in
            // From an attempt after which the list could not be written.
            if let there = state.waiting[entry.id], there.pending.contains(entry.destination) { return there }
            guard room(state) > 0 else { return nil }
            var request = state.waiting[entry.id] ?? entry.request
            if !request.pending.contains(entry.destination) { request.pending.append(entry.destination) }
            request.refused[entry.destination] = nil
            request.broughtBack[entry.destination] = entry.firstTime
            try append(request.lines, &state)
            state.waiting[entry.id] = request
            return request
        }
    }

    /// Forgets requests that are set aside; their files stay, also when all other destinations have them. Blocks.
    ///
    /// - Returns: how many.
    func forget(_ isWanted: (SetAsideRequest) -> Bool) throws(DaemonError) -> Int {
        try moving.withLock { _ throws(DaemonError) in
            let entries = setAsideList.entries.filter(isWanted)
            try state.withLock { state throws(DaemonError) in
                for entry in entries {
                    if var request = state.waiting[entry.id], request.deletes {
                        request.deletes = false
                        try append(request.lines, &state)
                        state.waiting[entry.id] = request
                    }
                    // When it was set aside there may have been no room for the line.
                    try append(Self.end(entry.id, entry.destination), &state)
                }
                trim(&state)
            }
            try synchronize()
            try setAsideList.remove(entries, forgets: true)
            return entries.count
        }
    }

    // MARK: Lines

    private func append(_ line: String, _ state: inout State) throws(DaemonError) {
        do throws(DaemonError) { try state.file.append(state.owed + line, watch) } catch {
            // It may be the lines of the past that fill the disk.
            guard reclaim(&state) else { throw error }
            try state.file.append(state.owed + line, watch)
        }
        state.owed = ""
        state.lines += 1
        state.written += 1
    }

    /// Makes the file shorter when most of its lines are of the past. Without room it stays as it is.
    private func trim(_ state: inout State) {
        if state.lines > 20_000, state.lines > 8 * state.waiting.count { _ = reclaim(&state) }
    }

    /// Makes room, at most once a second where requests wait.
    private func reclaim(_ state: inout State) -> Bool {
        do throws(DaemonError) {
            if state.waiting.isEmpty {
                try state.file.clear()
                (state.lines, state.owed) = (0, "")
                return true
            }
            let now = ContinuousClock.now
            if let last = state.lastReclaim, now - last < .seconds(1) { return false }
            state.lastReclaim = now
            guard state.lines > 2 * state.waiting.count else { return false }
            try rewrite(&state)
            return true
        } catch { return false }
    }

    private func rewrite(_ state: inout State) throws(DaemonError) {
        let requests = state.waiting.values.sorted { $0.accepted < $1.accepted }
        try state.file.replace(with: requests.map(\.lines))
        (state.lines, state.owed) = (state.waiting.count, "")
    }

    private static func read(
        _ folder: String
    ) throws(DaemonError) -> (known: [UUID: TransferRequest], isDamaged: Bool) {
        var (known, isDamaged): ([UUID: TransferRequest], Bool) = ([:], false)
        let (lines, isTailDamaged) = try LineFile.lines(folder: folder, name: name)
        isDamaged = isTailDamaged
        for line in lines {
            let fields = line.split(separator: " ")
            if let request = TransferRequest(fields) {
                known[request.id] = request
                continue
            }
            let id = fields.count < 3 ? nil : UUID(uuidString: String(fields[1]))
            if fields.first == "D", fields.count == 3, let id {
                known[id]?.pending.removeAll { $0 == fields[2] }
                if known[id]?.pending.isEmpty ?? false { known[id] = nil }
            } else if fields.first == "F", fields.count == 4, let id, let time = TransferRequest.time(fields[3]) {
                known[id]?.refused[String(fields[2])] = time == 0 ? nil : time
            } else if fields.first == "B", fields.count == 4, let id, let time = TransferRequest.time(fields[3]) {
                known[id]?.broughtBack[String(fields[2])] = time
            } else {
                isDamaged = true
            }
        }
        return (known, isDamaged)
    }
}
