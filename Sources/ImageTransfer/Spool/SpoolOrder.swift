import Foundation

/// What an operator wants done with requests that are set aside: a file in the folder of the spool, which the daemon of
/// the spool looks for every second, and takes away when it has done so. Whoever may write there may give orders.
///
/// Its name is `ACTION-UUID`, that of one that is under way `ACTION-under-way-UUID`; it has a line
/// `ID TIME DESTINATION` for each request.
public struct SpoolOrder: Sendable, Hashable {
    public enum Action: String, Sendable, CaseIterable {
        /// To be tried again, from the beginning.
        case retry
        /// Not to be sent any more. Their files stay.
        case forget
    }

    /// Bytes. What is larger is no order.
    private static let most = 64 << 20

    public let action: Action
    let requests: Set<SetAsideRequest.Name>
    /// Whether some of it has been done, and the rest has to wait.
    let isUnderWay: Bool
    private let folder: String
    private let id: String

    private var name: String { Self.name(action, id, isUnderWay: isUnderWay) }

    /// Of files that are being written, and have no name of an order yet.
    private static let newPrefix = "new-"
    /// After so many seconds a file that is not locked is nobody's any more.
    private static let abandonedAfter: TimeInterval = 3600

    private static func name(_ action: Action, _ id: String, isUnderWay: Bool) -> String {
        action.rawValue + (isUnderWay ? "-under-way-" : "-") + id
    }

    /// Gives an order. Blocks.
    ///
    /// - Parameters:
    ///   - requests: as they were seen, so that what is set aside afterwards is not meant.
    ///   - folder: of the spool.
    /// - Throws: ``DaemonError/spoolBroken(path:reason:)``.
    public init(_ action: Action, _ requests: [SetAsideRequest], spool folder: String) throws(DaemonError) {
        (self.action, self.folder, id) = (action, folder, UUID.random().uuidString)
        isUnderWay = false
        self.requests = Set(requests.map(\.name))
        let text = self.requests.map { "\($0.id.uuidString) \($0.time) \($0.destination)\n" }.sorted().joined()
        try Self.write(text, "\(folder)/\(name)", spool: folder)
    }

    /// Writes a file that the owner of the folder can read, whoever writes it, whatever the mask for new files. It is
    /// locked meanwhile: see ``removeAbandoned(_:)``.
    private static func write(_ text: String, _ path: String, spool folder: String) throws(DaemonError) {
        let new = "\(folder)/\(newPrefix)\(UUID.random().uuidString)"
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        func fail() -> DaemonError {
            let code = errno
            if file >= 0 { unlink(new) }
            return .spoolBroken(path: folder, reason: String(cString: strerror(code)))
        }
        guard file >= 0 else { throw fail() }
        defer { close(file) }
        // Where files cannot be locked, their age has to do.
        flock(file, LOCK_EX | LOCK_NB)
        var (status, text) = (stat(), text)
        guard stat(folder, &status) == 0 else { throw fail() }
        if geteuid() == 0 {
            guard fchown(file, status.st_uid, status.st_gid) == 0 else { throw fail() }
        } else if geteuid() != status.st_uid {
            guard fchmod(file, 0o644) == 0 else { throw fail() }
        }
        let written = text.withUTF8 { $0.isEmpty ? 0 : Foundation.write(file, $0.baseAddress, $0.count) }
        guard written == text.utf8.count, fsync(file) == 0, rename(new, path) == 0 else { throw fail() }
    }

    /// - Returns: `nil` for other files.
    /// - Throws: ``DaemonError/badOrder(path:reason:)``.
    private init?(folder: String, name: String) throws(DaemonError) {
        let words = name.split(separator: "-", maxSplits: 1).map(String.init)
        guard words.count == 2, let action = Action(rawValue: words[0]) else { return nil }
        isUnderWay = words[1].hasPrefix("under-way-")
        id = isUnderWay ? String(words[1].dropFirst("under-way-".count)) : words[1]
        guard UUID(uuidString: id) != nil else { return nil }
        (self.action, self.folder) = (action, folder)
        let path = "\(folder)/\(name)"
        let lines = try Self.text(path).split(separator: "\n")
        requests = Set(lines.compactMap(SetAsideRequest.Name.init(line:)))
        guard requests.count == lines.count else {
            // It would be read again every second.
            rename(path, "\(folder)/damaged-\(name)")
            throw .badOrder(path: "\(folder)/damaged-\(name)", reason: "a line is damaged")
        }
    }

    private static func text(_ path: String) throws(DaemonError) -> String {
        // Others than files would keep all orders waiting.
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw .badOrder(path: path, reason: String(cString: strerror(errno))) }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= most else {
            throw .badOrder(path: path, reason: "it is no file that can be an order")
        }
        do { return String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self) } catch {
            throw .badOrder(path: path, reason: error.localizedDescription)
        }
    }

    /// Removes what a command has left that died while it wrote an order: it is old, and not locked. Blocks.
    private static func removeAbandoned(_ path: String) {
        let found = try? FileManager.default.attributesOfItem(atPath: path)
        guard let found, found[.type] as? FileAttributeType == .typeRegular,
            let time = found[.modificationDate] as? Date, -time.timeIntervalSinceNow > abandonedAfter
        else { return }
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        defer { if file >= 0 { close(file) } }
        // One that cannot be opened is of a moment in which no command stays: before others were let read it.
        if file < 0 ? errno == EACCES : flock(file, LOCK_SH | LOCK_NB) == 0 { unlink(path) }
    }

    /// Orders that have not been carried out, and what is the matter with others. Removes what commands that died have
    /// left. Blocks.
    ///
    /// - Parameter known: those that were read before; orders do not change.
    static func waiting(
        _ folder: String, known: [SpoolOrder] = []
    ) throws(DaemonError) -> (orders: [SpoolOrder], problems: [DaemonError]) {
        let known = Dictionary(known.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
            throw .spoolUnreadable(path: folder, reason: error.localizedDescription)
        }
        var (orders, problems): ([SpoolOrder], [DaemonError]) = ([], [])
        for name in names {
            if name.hasPrefix(newPrefix) { removeAbandoned("\(folder)/\(name)") }
            do throws(DaemonError) {
                if let order = known[name] {
                    orders.append(order)
                } else if let order = try SpoolOrder(folder: folder, name: name) {
                    orders.append(order)
                }
            } catch { problems.append(error) }
        }
        return (orders, problems)
    }

    func concerns(_ entry: SetAsideRequest) -> Bool { requests.contains(entry.name) }

    /// Takes the order away, for good: after a power failure it would be carried out on what has come since. Blocks.
    func isDone() {
        unlink("\(folder)/\(name)")
        let place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard place >= 0 else { return }
        defer { close(place) }
        fsync(place)
    }

    /// Notes that the rest has to wait. Blocks.
    func isBegun() {
        guard !isUnderWay else { return }
        rename("\(folder)/\(name)", "\(folder)/\(Self.name(action, id, isUnderWay: true))")
    }

    /// What has become of an order.
    public enum Outcome: Sendable, Hashable {
        case done
        /// Some of it has to wait until the spool has room.
        case underWay
        case notBegun(isDaemonAtWork: Bool)
    }

    /// Waits until the daemon has begun.
    public func wait(atMost time: Duration) async -> Outcome {
        let end = ContinuousClock.now + time
        func exists(_ isUnderWay: Bool) -> Bool {
            access("\(folder)/\(Self.name(action, id, isUnderWay: isUnderWay))", F_OK) == 0
        }
        while exists(false) {
            guard ContinuousClock.now < end else { return .notBegun(isDaemonAtWork: SpoolFolder.isInUse(folder)) }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return exists(true) ? .underWay : .done
    }
}
