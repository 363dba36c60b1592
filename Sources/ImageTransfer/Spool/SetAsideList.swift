import Foundation
import Serving
import Synchronization

/// A request that one destination will not take, and that is not tried any more.
public struct SetAsideRequest: Sendable, Hashable {
    let request: TransferRequest
    public let destination: String
    public let reason: String
    /// Seconds since 1970.
    public let time: Double

    public var id: UUID { request.id }
    public var file: String { request.file }
    public var bucket: String { request.bucket }
    public var key: String { request.key }

    init(_ request: TransferRequest, _ destination: String, reason: String) {
        self.init(request, destination, reason: reason, time: Date().timeIntervalSince1970)
    }

    private init(_ request: TransferRequest, _ destination: String, reason: String, time: Double) {
        var request = request
        (request.pending, request.refused) = ([destination], [:])
        self.request = request
        self.destination = destination
        self.reason = reason
        self.time = time
    }

    /// `S TIME DESTINATION =REASON`, and the request as the journal has it.
    fileprivate var line: String { "S \(time) \(destination) =\(PercentEncoding.encode(reason)) \(request.line)" }

    fileprivate init?(line: String) {
        let fields = line.split(separator: " ")
        guard fields.count > 4, fields[0] == "S", let time = Double(fields[1]),
            let reason = PercentEncoding.decode(fields[3].dropFirst()), let request = TransferRequest(fields[4...])
        else { return nil }
        self.init(request, String(fields[2]), reason: reason, time: time)
    }
}

/// Requests that can never arrive as things are, kept until an operator has them tried again or forgotten: the file
/// `set-aside` in the folder of the spool, a line for each request and destination.
///
/// A request comes into this file before the journal forgets it, and goes back into the journal before this file forgets
/// it. One that a process that died left in both is in this one: see ``SpoolJournal``.
public final class SetAsideList: Sendable {
    private struct State {
        var file: LineFile
        var entries: [UUID: [SetAsideRequest]] = [:]
        var count = 0
    }

    static let name = "set-aside"

    private let limit: Int
    /// Where the list is kept as it was found, if some of its lines could not be read.
    let damaged: String?
    private let state: Mutex<State>
    private let watch = WriteWatch()

    /// Blocks.
    ///
    /// - Parameter limit: of requests. More stay in the spool.
    init(folder: String, limit: Int) throws(DaemonError) {
        self.limit = limit
        let entries = try Self.read(folder)
        damaged = try Self.keepIfDamaged(folder)
        var file = LineFile(folder: folder, name: Self.name)
        try file.replace(with: entries.map(\.line))
        state = Mutex(State(file: file, entries: Dictionary(grouping: entries, by: \.id), count: entries.count))
    }

    deinit { state.withLock { $0.file.close() } }

    /// What is in the list of a spool, in the order in which it came; also beside a daemon that is at work. Blocks.
    ///
    /// - Throws: ``DaemonError/spoolBroken(path:reason:)``.
    public static func read(_ folder: String) throws(DaemonError) -> [SetAsideRequest] {
        var seen: Set<[String]> = []
        return try LineFile.lines(folder: folder, name: name).compactMap(SetAsideRequest.init(line:))
            .filter { seen.insert([$0.id.uuidString, $0.destination]).inserted }
    }

    private static func keepIfDamaged(_ folder: String) throws(DaemonError) -> String? {
        let lines = try LineFile.lines(folder: folder, name: name)
        guard lines.contains(where: { SetAsideRequest(line: $0) == nil }) else { return nil }
        let (path, kept) = ("\(folder)/\(name)", "\(folder)/\(name).damaged-\(UUID.random().uuidString)")
        do { try FileManager.default.copyItem(atPath: path, toPath: kept) } catch {
            throw .spoolBroken(path: path, reason: "a line is damaged; \(error.localizedDescription)")
        }
        return kept
    }

    var count: Int { state.withLock { $0.count } }

    var entries: [SetAsideRequest] {
        state.withLock { $0.entries.values.flatMap { $0 } }.sorted {
            ($0.time, $0.id.uuidString) < ($1.time, $1.id.uuidString)
        }
    }

    /// Takes time in the number of entries.
    func contains(file: String, bucket: String, key: String) -> Bool {
        state.withLock { state in
            state.entries.values.joined().contains { $0.file == file && $0.bucket == bucket && $0.key == key }
        }
    }

    func contains(_ id: UUID) -> Bool { state.withLock { $0.entries[id] != nil } }

    /// Blocks until it is on the disk.
    func add(_ entry: SetAsideRequest) throws(DaemonError) {
        try state.withLock { state throws(DaemonError) in
            guard !(state.entries[entry.id] ?? []).contains(where: { $0.destination == entry.destination }) else {
                return
            }
            guard state.count < limit else { throw .setAsideFull(limit: limit) }
            try state.file.append(entry.line, watch)
            do throws(DaemonError) { try state.file.flush() } catch {
                try state.file.takeBack(entry.line)
                throw error
            }
            state.entries[entry.id, default: []].append(entry)
            state.count += 1
        }
    }

    /// Blocks until the disk has forgotten them.
    func remove(_ gone: [SetAsideRequest]) throws(DaemonError) {
        guard !gone.isEmpty else { return }
        try state.withLock { state throws(DaemonError) in
            var rest = state.entries
            for entry in gone {
                rest[entry.id]?.removeAll { $0.destination == entry.destination }
                if rest[entry.id]?.isEmpty ?? false { rest[entry.id] = nil }
            }
            let all = rest.values.flatMap { $0 }.sorted { $0.time < $1.time }
            try state.file.replace(with: all.map(\.line))
            (state.entries, state.count) = (rest, all.count)
        }
    }
}
