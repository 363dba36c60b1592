import Foundation
import NIOCore
import NIOPosix
import ObjectStorage
import Serving
import Synchronization
import UnixSignals

/// The image transfer daemon: takes names of files on a socket, sends the files to object storage, and answers once the
/// store has them. See docs/image-transfer.md.
public struct ImageTransferDaemon: Sendable {
    /// Senders and stores share one thread as long as it is enough, so that an answer need not wake another one.
    private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount / 8))

    private let settings: DaemonSettings
    private let version: String

    public init(_ settings: DaemonSettings, version: String) {
        self.settings = settings
        self.version = version
    }

    /// Runs until SIGTERM or SIGINT, or until the task is cancelled; then lets what is being sent come to its end.
    ///
    /// - Parameter onReady: called with the port once connections are accepted.
    /// - Throws: ``DaemonError``, `S3Error`, `ObjectStorageError` for settings that cannot be used.
    public func run(onReady: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        let openFiles = OpenFileLimit.raise()
        signal(SIGPIPE, SIG_IGN)
        let log = try TransferLog(settings)
        let metrics = DaemonMetrics(settings)
        let sockets = SocketWatch()
        let journal = try SpoolJournal(folder: settings.spool, limit: settings.spoolLimit)
        metrics.observe("transfer_spooled", "Accepted files that have not arrived everywhere.") {
            Double(journal.count)
        }
        metrics.observe("transfer_set_aside", "Requests that are set aside until an operator decides.") {
            Double(journal.setAsideList.count)
        }
        let dispatcher = try Dispatcher(
            settings, journal: journal, metrics: metrics, log: log, sockets: sockets, loops: Self.loops)
        let service = TransferService(dispatcher, metrics: metrics, sockets: sockets, version: version)
        let clients = settings.clients(openFiles: openFiles)
        if clients < settings.clients {
            log.problem(
                "the system lets this process have \(openFiles) files and sockets open: no more than \(clients) connections "
                    + "are accepted at a time, not \(settings.clients); raise its limit (ulimit -n) for more")
        }
        let door = Door(limit: clients)
        // Before anybody can know that there is a daemon, and end it.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let channel = try await listen(service, door)
        let port = channel.localAddress?.port ?? settings.port
        if !journal.recovered.isEmpty { log.note("\(journal.recovered.count) files are left from before") }
        if let kept = journal.damaged {
            log.problem("lines of the journal of the spool cannot be read; it is kept as \(kept)")
        }
        if let kept = journal.setAsideList.damaged {
            log.problem("lines of the list of requests that are set aside cannot be read; it is kept as \(kept)")
        }
        if case let count = journal.setAsideList.count, count > 0 { log.problem("\(count) requests are set aside") }
        dispatcher.recover()
        log.note(settings.style == .s3nd ? "listening" : "listening on \(settings.host):\(port)")
        onReady(port)
        let watches = settings.rules.watched.map { FolderWatch($0, dispatcher, log) }
        await withTaskGroup(of: Void.self) { group in
            for watch in watches { group.addTask { await watch.run() } }
            group.addTask { await dispatcher.carryOutOrders() }
            group.addTask {
                var signals = signals.makeAsyncIterator()
                _ = await signals.next()
            }
            // Folders are watched for ever, orders waited for: the first that ends is the signal, or cancellation.
            await group.next()
            group.cancelAll()
        }
        log.note("stopping; \(journal.count) files have not arrived")
        try? await channel.close()
        await dispatcher.stop()
        // What was answered has to get through to the senders.
        await door.waitUntilEmpty(atMost: .seconds(2))
    }

    private func listen(_ service: TransferService, _ door: Door) async throws(DaemonError) -> any Channel {
        let silences = Dictionary(
            uniqueKeysWithValues: Self.loops.makeIterator().map { (ObjectIdentifier($0), SilenceWatch($0)) })
        do {
            let channel = try await ServerBootstrap(group: Self.loops)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelInitializer { channel in
                    door.guards(channel)
                    return channel.eventLoop.makeSucceededVoidFuture()
                }
                .childChannelInitializer { channel in
                    door.enter(channel)
                    return channel.eventLoop.makeCompletedFuture {
                        // Costs less here than as an option of the bootstrap.
                        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
                        let silence = silences[ObjectIdentifier(channel.eventLoop)]
                        try channel.pipeline.syncOperations.addHandler(
                            LineHandler(service, silence ?? SilenceWatch(channel.eventLoop)))
                    }
                }
                .bind(host: settings.host, port: settings.port).get()
            return channel
        } catch {
            throw .cannotListen(host: settings.host, port: settings.port, reason: "\(error)")
        }
    }
}

/// Counts connections; as long as there are too many, no more are accepted, and senders wait outside.
private final class Door: Sendable {
    private struct State {
        var server: (any Channel)?
        var count = 0
        var isShut = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    func guards(_ server: any Channel) { state.withLock { $0.server = server } }

    func enter(_ channel: any Channel) {
        let shut = state.withLock { state -> (any Channel)? in
            state.count += 1
            guard state.count >= limit, !state.isShut else { return nil }
            state.isShut = true
            return state.server
        }
        shut?.setOption(.autoRead, value: false).whenComplete { _ in }
        channel.closeFuture.whenComplete { _ in self.leave() }
    }

    private func leave() {
        let open = state.withLock { state -> (any Channel)? in
            state.count -= 1
            guard state.isShut, state.count < limit else { return nil }
            state.isShut = false
            return state.server
        }
        open?.setOption(.autoRead, value: true).whenComplete { _ in }
    }

    func waitUntilEmpty(atMost time: Duration) async {
        let end = ContinuousClock.now + time
        while state.withLock({ $0.count }) > 0, ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }
}
