import Foundation
import Synchronization

/// Requests that can never arrive as things are, kept until an operator has them tried again or forgotten: the file
/// `set-aside` in the folder of the spool, a line for each request and destination.
///
/// A request comes into this file before the journal forgets it, and goes back into the journal before this file forgets
/// it. One that a process that died left in both is in this one: see ``SpoolJournal``.
public final class SetAsideList: Sendable {
    /// In the order in which they came, and what is asked of them without looking through all.
    private struct Entries {
        private(set) var inOrder: [SetAsideRequest] = []
        private var destinations: [UUID: Set<String>] = [:]
        private var errands: Set<Errand> = []
        /// In this process.
        private var forgotten: Set<Errand> = []

        init(_ entries: [SetAsideRequest]) { for entry in entries { append(entry) } }

        func contains(_ id: UUID) -> Bool { destinations[id] != nil }
        func contains(_ entry: SetAsideRequest) -> Bool { destinations[entry.id]?.contains(entry.destination) ?? false }
        func hasGivenUp(_ errand: Errand) -> Bool { errands.contains(errand) || forgotten.contains(errand) }

        mutating func append(_ entry: SetAsideRequest) {
            inOrder.append(entry)
            destinations[entry.id, default: []].insert(entry.destination)
            errands.insert(Errand(entry.request))
        }

        mutating func replace(with entries: [SetAsideRequest], forgetting gone: [SetAsideRequest]) {
            let forgotten = forgotten.union(gone.map { Errand($0.request) })
            self = Entries(entries)
            self.forgotten = forgotten
        }
    }

    static let name = "set-aside"

    private let limit: Int
    /// Where the list is kept as it was found, if some of its lines could not be read.
    let damaged: String?
    /// Held while the disk is at work; `state` is not.
    private let file: Mutex<LineFile>
    private let state: Mutex<Entries>
    private let watch = WriteWatch()

    /// Blocks.
    ///
    /// - Parameter limit: of requests. More stay in the spool.
    init(folder: String, limit: Int) throws(DaemonError) {
        self.limit = limit
        let (entries, isDamaged) = try Self.load(folder)
        damaged = isDamaged ? try LineFile.keepDamaged(folder: folder, name: Self.name) : nil
        var file = LineFile(folder: folder, name: Self.name)
        do throws(DaemonError) { try file.replace(with: entries.map(\.line)) } catch {
            // On a full disk it can be used as it is.
            guard FileManager.default.fileExists(atPath: folder + "/" + Self.name) else { throw error }
            try file.resume()
        }
        self.file = Mutex(file)
        state = Mutex(Entries(entries))
    }

    deinit { file.withLock { $0.close() } }

    /// What is in the list of a spool, in the order in which it came; also beside a daemon that is at work. Blocks.
    ///
    /// - Throws: ``DaemonError/spoolUnreadable(path:reason:)``.
    public static func read(_ folder: String) throws(DaemonError) -> [SetAsideRequest] { try load(folder).entries }

    private static func load(
        _ folder: String
    ) throws(DaemonError) -> (entries: [SetAsideRequest], isDamaged: Bool) {
        let (lines, isDamaged) = try LineFile.lines(folder: folder, name: name)
        let entries = lines.compactMap(SetAsideRequest.init(line:))
        var seen: Set<[String]> = []
        let unique = entries.filter { seen.insert([$0.id.uuidString, $0.destination]).inserted }
        return (unique, isDamaged || entries.count < lines.count)
    }

    var count: Int { state.withLock { $0.inOrder.count } }

    var entries: [SetAsideRequest] { state.withLock { $0.inOrder } }

    /// Whether an errand is set aside, or was and is forgotten since this process began.
    func hasGivenUp(_ errand: Errand) -> Bool { state.withLock { $0.hasGivenUp(errand) } }

    func contains(_ id: UUID) -> Bool { state.withLock { $0.contains(id) } }

    /// Blocks until it is on the disk.
    func add(_ entry: SetAsideRequest) throws(DaemonError) {
        try file.withLock { file throws(DaemonError) in
            let (isKnown, count) = state.withLock { ($0.contains(entry), $0.inOrder.count) }
            guard !isKnown else { return }
            guard count < limit else { throw .setAsideFull(limit: limit) }
            try file.append(entry.line, watch)
            do throws(DaemonError) { try file.flush() } catch {
                try file.takeBack(entry.line)
                throw error
            }
            state.withLock { $0.append(entry) }
        }
    }

    /// Takes requests out of the list. Blocks until the disk has forgotten them.
    ///
    /// - Parameter forgets: whether they are not to be sent any more. The files of these requests stay from now on,
    ///   whatever becomes of them at other destinations.
    func remove(_ gone: [SetAsideRequest], forgets: Bool = false) throws(DaemonError) {
        guard !gone.isEmpty else { return }
        let names = Set(gone.map(\.name))
        let kept = forgets ? Set(gone.map(\.id)) : []
        try file.withLock { file throws(DaemonError) in
            let rest = entries.filter { !names.contains($0.name) }.map { kept.contains($0.id) ? $0.keepingFile : $0 }
            try file.replace(with: rest.map(\.line))
            state.withLock { $0.replace(with: rest, forgetting: forgets ? gone : []) }
        }
    }
}
