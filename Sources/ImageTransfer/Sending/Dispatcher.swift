import ByteText
import Foundation
import NIOCore
import NIOPosix
import ObjectStorage
import Synchronization

/// What became of a file.
struct TransferReport: Sendable {
    var size: Int64 = 0
    var attempts = 0
    var parts = 1
    /// Seconds, from the acceptance on.
    var seconds = 0.0
}

/// Why a file did not go.
struct TransferFailure: Error, Sendable {
    enum Kind: Sendable, Hashable {
        case queueTimeout, stopping
        case failed(attempt: Int, of: Int)
    }

    let kind: Kind
    let error: any Error
    var report = TransferReport()
}

/// Takes requests, keeps them in the spool and has them sent to all their destinations.
final class Dispatcher: Sendable {
    let settings: DaemonSettings
    let journal: SpoolJournal
    /// One for each destination, so that none waits for the trouble of another.
    private let queues: [String: TransferQueue]
    let metrics: DaemonMetrics
    let log: TransferLog
    private let destinations: [String: Destination]
    private let order: [String]
    private let sockets: SocketWatch
    private let late = LateRequests()
    private let lastAcceptance: Mutex<Double>
    private let isStopping = Atomic<Bool>(false)
    private let active = Atomic<Int>(0)
    /// Connections to the usual destination that are at work, which share the rate.
    private let paced = Atomic<Int>(0)

    init(
        _ settings: DaemonSettings, journal: SpoolJournal, metrics: DaemonMetrics, log: TransferLog,
        sockets: SocketWatch, loops: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws {
        self.settings = settings
        self.journal = journal
        self.metrics = metrics
        self.log = log
        self.sockets = sockets
        let all =
            try [Destination(settings, loops: loops, sockets: sockets)]
            + settings.rules.destinations.map { try Destination($0, settings, loops: loops) }
        destinations = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
        order = all.map(\.name)
        lastAcceptance = Mutex(journal.recovered.map(\.accepted).max() ?? 0)
        queues = destinations.mapValues { _ in TransferQueue(width: settings.parallel) }
        // Before anything new comes.
        for request in journal.recovered {
            for destination in request.pending.compactMap({ destinations[$0] }) { noteLate(request, destination) }
        }
    }

    func destination(_ name: String) -> Destination? { destinations[name] }

    // MARK: Accepting

    /// Takes a file and waits until the destinations that are required have it.
    ///
    /// - Parameter executor: where the work is done that does not block.
    /// - Throws: ``TransferFailure``; ``DaemonError`` when it was not taken at all.
    func transfer(
        _ file: String, bucket: String, key: String, uri: String = "", slug: String? = nil,
        priority: TransferPriority? = nil, id: UUID = .random(), timesOut: Bool = false,
        on executor: any TaskExecutor = POSIXObjectStore.sharedPool
    ) async throws -> TransferReport {
        let request = try accept(file, bucket, key, uri, slug, priority, id)
        let deadline = timesOut ? ContinuousClock.now + .seconds(settings.queueTimeout) : nil
        return try await sendToRequired(request, deadline, executor)
    }

    /// Takes a file, and tells when the destinations that are required have it, or that it was not taken. No task of the
    /// sender's waits meanwhile, which costs less where there is one destination.
    func transfer(
        _ file: String, bucket: String, key: String, on executor: any TaskExecutor,
        then tell: @escaping @Sendable (Result<TransferReport, any Error>) -> Void
    ) {
        let request: TransferRequest
        do { request = try accept(file, bucket, key, "", nil, nil, .random()) } catch { return tell(.failure(error)) }
        if request.pending.count == 1, let destination = destinations[request.pending[0]], destination.isRequired {
            return submit(request, destination, nil, executor) { tell($0.mapError { $0 }) }
        }
        Task(executorPreference: executor) {
            do { tell(.success(try await self.sendToRequired(request, nil, executor))) } catch { tell(.failure(error)) }
        }
    }

    private func sendToRequired(
        _ request: TransferRequest, _ deadline: ContinuousClock.Instant?, _ executor: any TaskExecutor
    ) async throws -> TransferReport {
        let required = request.pending.compactMap { destinations[$0] }.filter(\.isRequired)
        for destination in request.pending.compactMap({ destinations[$0] }) where !destination.isRequired {
            enqueue(request, destination, because: .request)
        }
        var report = TransferReport()
        if required.count == 1 {
            report = try await submit(request, required[0], deadline, executor).get()
        } else {
            let results = await withTaskGroup(of: Result<TransferReport, TransferFailure>.self) { group in
                for destination in required {
                    group.addTask { await self.submit(request, destination, deadline, executor) }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            for result in results { report = try result.get() }
        }
        report.seconds = max(0, Date().timeIntervalSince1970 - request.accepted)
        return report
    }

    /// Takes a file and returns once it is in the spool, on the disk. It will be sent, whatever happens.
    func enqueue(
        _ file: String, bucket: String, key: String, uri: String = "", slug: String? = nil,
        priority: TransferPriority? = nil, id: UUID = .random()
    ) async throws {
        try await keep(accept(file, bucket, key, uri, slug, priority, id), because: .request)
    }

    /// Takes a file that a writer has dropped, as ``enqueue(_:bucket:key:uri:slug:priority:id:)`` does. It may have been
    /// sent before, and is not sent over another's.
    func enqueueDropped(
        _ file: String, bucket: String, key: String, priority: TransferPriority?, deletes: Bool
    ) async throws {
        let request = try accept(
            file, bucket, key, "", nil, priority, .random(), deletes: deletes, isDropped: true)
        try await keep(request, because: .recovery)
    }

    private func keep(_ request: TransferRequest, because reason: SendReason) async throws {
        do { try await POSIXObjectStore.sharedPool.run { [journal] in try journal.synchronize() } } catch {
            // Its sender is told that it was not taken.
            for name in request.pending { finish(request, name) }
            throw error
        }
        for name in request.pending {
            if let destination = destinations[name] {
                enqueue(request, destination, because: reason)
            }
        }
    }

    private func accept(
        _ file: String, _ bucket: String, _ key: String, _ uri: String, _ slug: String?, _ priority: TransferPriority?,
        _ id: UUID, deletes: Bool = false, isDropped: Bool = false
    ) throws -> TransferRequest {
        guard !isStopping.load(ordering: .relaxed) else { throw DaemonError.stopping }
        do { try checkRoots(file) } catch { throw refused(error, isTold: isDropped) }
        let request = TransferRequest(
            id: id, file: file, bucket: bucket, key: key, priority: priority ?? settings.rules.priority(of: key),
            slug: slug, uri: uri, accepted: nextAcceptance(),
            pending: order.filter { destinations[$0]?.takes(key) ?? false }, deletes: deletes,
            isDropped: isDropped)
        do { try journal.accept(request) } catch { throw refused(error, isTold: isDropped) }
        return request
    }

    /// - Parameter isTold: whether the log is told elsewhere: who watches a folder asks again and again.
    private func refused(_ error: DaemonError, isTold: Bool) -> DaemonError {
        metrics.refused(error)
        if !isTold { log.problem("refused: \(error)") }
        return error
    }

    /// When a request is accepted: later than all before it, also when the clock is put back.
    private func nextAcceptance() -> Double {
        lastAcceptance.withLock { last in
            last = max(Date().timeIntervalSince1970, last.nextUp)
            return last
        }
    }

    /// Refuses what is outside of the roots already when it is asked for; ``checkOpened(_:_:)`` decides.
    private func checkRoots(_ file: String) throws(DaemonError) {
        guard !settings.roots.isEmpty, let resolved = realpath(file, nil) else { return }
        defer { free(resolved) }
        try checkOpened(String(cString: resolved), file)
    }

    private func check(_ file: String) -> S3Client.FileCheck? {
        settings.roots.isEmpty ? nil : { @Sendable path in try self.checkOpened(path, file) }
    }

    /// - Parameter path: of a file that is open, links resolved: names can be given to other files at any time.
    private func checkOpened(_ path: String, _ file: String) throws(DaemonError) {
        let isInside = settings.roots.contains { root in
            guard let real = realpath(root, nil) else { return false }
            defer { free(real) }
            let folder = String(cString: real)
            return path.after(folder == "/" ? "/" : folder + "/") != nil
        }
        guard isInside else { throw .outsideRoots(path: file) }
    }

    /// How long what a dead process left is held back.
    private static let settling = Duration.seconds(2)

    /// Sends what the processes before have left, a moment later: what they gave to the network as they died may still be on
    /// its way, and a store that took it after ours would have the file twice.
    func recover() {
        guard !journal.recovered.isEmpty else { return }
        Task {
            try? await Task.sleep(for: Self.settling)
            guard !isStopping.load(ordering: .relaxed) else { return }
            for request in journal.recovered {
                for name in request.pending {
                    guard let destination = destinations[name] else {
                        _ = await setAside(request, name, .hopeless, because: "\(DaemonError.noDestination(name))")
                        continue
                    }
                    enqueue(request, destination, because: .recovery, isNoted: true)
                }
            }
        }
    }

    // MARK: Sending

    private func submit(
        _ request: TransferRequest, _ destination: Destination, _ deadline: ContinuousClock.Instant?,
        _ executor: any TaskExecutor
    ) async -> Result<TransferReport, TransferFailure> {
        await withCheckedContinuation { continuation in
            submit(request, destination, deadline, executor) { continuation.resume(returning: $0) }
        }
    }

    private func submit(
        _ request: TransferRequest, _ destination: Destination, _ deadline: ContinuousClock.Instant?,
        _ executor: any TaskExecutor, then tell: @escaping @Sendable (Result<TransferReport, TransferFailure>) -> Void
    ) {
        let job = TransferQueue.Job(
            id: request.id, priority: request.priority, deadline: deadline, place: destination.place(request),
            executor: executor
        ) {
            let result = await self.send(request, destination, because: .request)
            // What the sender is told of is not ours any more; what was cut off by the end is sent after it.
            if case .failure(let failure) = result, failure.kind != .stopping {
                self.finish(request, destination.name)
            }
            tell(result)
        } giveUp: { isClosed in
            if !isClosed {
                self.finish(request, destination.name)
                self.metrics.failed(destination.name)
                self.log.problem("\(request.file) had no turn in time at \(destination.name), as its sender was told")
            }
            tell(
                .failure(
                    isClosed
                        ? TransferFailure(kind: .stopping, error: DaemonError.stopping)
                        : TransferFailure(kind: .queueTimeout, error: CancellationError())))
        }
        queues[destination.name]?.submit(job)
    }

    /// Sends without anybody who waits: again and again, until the destination has the file or it is set aside.
    ///
    /// - Parameter isNoted: whether it is among the late ones already, or was and is of the past.
    func enqueue(
        _ request: TransferRequest, _ destination: Destination, because reason: SendReason, after tries: Tries = Tries(),
        isNoted: Bool = false
    ) {
        if !isNoted { noteLate(request, destination) }
        let (place, priority) = (destination.place(request), request.priority(at: destination.name))
        let job = TransferQueue.Job(id: request.id, priority: priority, deadline: nil, place: place) {
            guard request.isDropped || self.late.contains(request, place) else { return }
            guard case .failure(let failure) = await self.send(request, destination, because: reason) else {
                self.late.remove(request, place)
                return
            }
            if failure.kind == .stopping { return }
            var tries = tries
            tries.add(Outlook(failure.error))
            // As soon as it is set aside somebody may bring it back.
            self.late.remove(request, place)
            if await self.isSetAside(request, destination.name, failure.error, tries) { return }
            self.noteLate(request, destination)
            // Its place is free for others meanwhile.
            Task { [tries] in
                try? await Task.sleep(for: .seconds(tries.pause * .random(in: 0.5...1)))
                self.enqueue(request, destination, because: .recovery, after: tries, isNoted: true)
            }
        } giveUp: { _ in
        }
        queues[destination.name]?.submit(job)
    }

    private func noteLate(_ request: TransferRequest, _ destination: Destination) {
        if !request.isDropped { late.add(request, destination.place(request)) }
    }

    /// Ends what is of the past, now that a later file has arrived at its place.
    private func endEarlier(than request: TransferRequest, _ place: TransferPlace) {
        for id in late.removeEarlier(than: request, place) {
            finish(id, place.destination)
            let object = "s3://\(place.location.bucket)/\(place.location.key)"
            log.problem("\(object) has a later file than that of request \(id), which is not sent there any more")
        }
    }

    /// All attempts at one file and destination.
    private func send(
        _ request: TransferRequest, _ destination: Destination, because reason: SendReason
    ) async -> Result<TransferReport, TransferFailure> {
        let place = destination.place(request)
        active.add(1, ordering: .relaxed)
        defer { active.subtract(1, ordering: .relaxed) }
        let connections = destination.name == Destination.usual ? connections(of: request.file) : 0
        if connections > 0 { share(paced.add(connections, ordering: .relaxed).newValue) }
        defer { if connections > 0 { share(paced.subtract(connections, ordering: .relaxed).newValue) } }
        let start = Date().timeIntervalSince1970
        var report = TransferReport()
        var reason = reason
        while true {
            report.attempts += 1
            do {
                let before = request.deletes ? try? FileManager.default.attributesOfItem(atPath: request.file) : nil
                let sent = try await destination.client.send(
                    file: request.file, to: place.location, partSize: settings.partSize, because: reason,
                    replacing: replaceable(request, destination.name), check: check(request.file))
                (report.size, report.parts) = (sent.size, sent.parts)
                report.seconds = max(0, Date().timeIntervalSince1970 - request.accepted)
                metrics.sent(request, destination.name, bytes: sent.wasThere ? 0 : sent.size, seconds: report.seconds)
                // The request may have been told meanwhile to keep its file.
                // When a dropped file was made, nobody knows.
                if !request.isDropped { endEarlier(than: request, place) }
                let isHeld = before != nil && journal.setAsideList.contains(request.id)
                if let last = finish(request, destination.name), last.deletes, let before, !isHeld,
                    !journal.setAsideList.contains(request.id)
                {
                    remove(request, before)
                }
                log.sent(request, destination.name, start: start, report)
                return .success(report)
            } catch {
                let isTransient = (error as? ObjectStorageError)?.isTransient ?? false
                if error is CancellationError || Task.isCancelled {
                    return .failure(TransferFailure(kind: .stopping, error: DaemonError.stopping, report: report))
                }
                guard isTransient, report.attempts < settings.tries else {
                    metrics.failed(destination.name)
                    log.failed(request, destination.name, start: start, report, error)
                    return .failure(
                        TransferFailure(
                            kind: .failed(attempt: report.attempts, of: settings.tries), error: error, report: report))
                }
                reason = .recovery
                try? await Task.sleep(for: .milliseconds(Int.random(in: 10...(50 << min(report.attempts, 6)))))
            }
        }
    }

    /// Which objects the file may replace.
    private func replaceable(_ request: TransferRequest, _ destination: String) -> Replaceable {
        func nanoseconds(_ time: Double) -> Int64 { Int64(time * 1e9) }
        if request.isDropped { return .sameSource(settings.source(request.file)) }
        return request.broughtBack[destination].map {
            .older(than: nanoseconds($0), request: nanoseconds(request.accepted))
        } ?? .all
    }

    /// - Returns: the request, if that was its last destination.
    @discardableResult
    private func finish(_ request: TransferRequest, _ destination: String) -> TransferRequest? {
        finish(request.id, destination)
    }

    @discardableResult
    private func finish(_ id: UUID, _ destination: String) -> TransferRequest? {
        do { return try journal.finish(id, destination) } catch {
            // It is noted as soon as there is room; else the file is looked for once more after the next start.
            log.problem("\(error)")
            return nil
        }
    }

    private func remove(_ request: TransferRequest, _ before: [FileAttributeKey: Any]) {
        let now = try? FileManager.default.attributesOfItem(atPath: request.file)
        guard let now, now[.modificationDate] as? Date == before[.modificationDate] as? Date,
            now[.size] as? UInt64 == before[.size] as? UInt64
        else { return log.problem("\(request.file) has changed since it was sent, and stays") }
        guard !LocalFile.isBeingWritten(request.file) else {
            return log.problem("\(request.file) is being written, and stays")
        }
        do { try FileManager.default.removeItem(atPath: request.file) } catch {
            log.problem("\(request.file) cannot be removed: \(error.localizedDescription)")
        }
    }

    /// Over how many connections a file is sent at a time; 0 without a rate.
    private func connections(of file: String) -> Int {
        guard settings.bandwidth > 0 else { return 0 }
        var status = stat()
        guard stat(file, &status) == 0 else { return 1 }
        return S3Client.connections(forBytes: Int64(status.st_size), partSize: settings.partSize)
    }

    /// Divides the rate among the connections over which files are being sent.
    private func share(_ active: Int) {
        guard settings.bandwidth > 0 else { return }
        sockets.pace(settings.bandwidth / 8 / Int64(max(1, active)))
    }

    /// Whether a request can be taken, and its end noted, on a thread that must not block.
    var isQuick: Bool { settings.roots.isEmpty && journal.isQuick && log.isQuick }

    var activeCount: Int { active.load(ordering: .relaxed) }

    /// Requests that wait for their turn, by priority; one counts once for each destination.
    var waitingCounts: [Int] {
        queues.values.map(\.waitingCounts).reduce([0, 0, 0]) { sum, counts in zip(sum, counts).map(+) }
    }

    // MARK: Stopping

    /// Takes no more, lets what is being sent come to its end for a while, and leaves the rest to the next process.
    func stop() async {
        isStopping.store(true, ordering: .relaxed)
        for queue in queues.values { queue.close() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUntilIdle() }
            group.addTask { [settings, queues] in
                try? await Task.sleep(for: .seconds(settings.grace))
                for queue in queues.values { queue.cancelRunning() }
            }
            await group.next()
            group.cancelAll()
        }
        await waitUntilIdle()
        do { try journal.settle() } catch { log.problem("\(error)") }
    }

    private func waitUntilIdle() async { for queue in queues.values { await queue.waitUntilIdle() } }
}
