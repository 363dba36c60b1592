import Foundation

/// What an operator wants done with requests that are set aside: a file in the folder of the spool, which the daemon of
/// the spool looks for every second, and takes away when it has done so. Whoever may write there may give orders.
public struct SpoolOrder: Sendable, Hashable {
    public enum Action: String, Sendable, CaseIterable {
        /// To be tried again, from the beginning.
        case retry
        /// Not to be sent any more. Files stay, but those to be deleted when all other destinations have them.
        case forget
    }

    public let action: Action
    /// `nil` for all.
    public let requests: Set<UUID>?
    private let path: String

    /// Gives an order. Blocks.
    ///
    /// - Parameter folder: of the spool.
    /// - Throws: ``DaemonError/spoolBroken(path:reason:)``.
    public init(_ action: Action, _ requests: Set<UUID>?, spool folder: String) throws(DaemonError) {
        self.action = action
        self.requests = requests
        path = "\(folder)/\(action.rawValue)-\(UUID.random().uuidString)"
        let text = requests.map { $0.map { "\($0.uuidString)\n" }.sorted().joined() } ?? "all\n"
        do { try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw .spoolBroken(path: folder, reason: error.localizedDescription)
        }
    }

    private init?(path: String, name: String) {
        let words = name.split(separator: "-", maxSplits: 1)
        guard words.count == 2, let action = Action(rawValue: String(words[0])),
            UUID(uuidString: String(words[1])) != nil,
            let data = FileManager.default.contents(atPath: path)
        else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        self.action = action
        self.path = path
        requests = lines == ["all"] ? nil : Set(lines.compactMap { UUID(uuidString: String($0)) })
    }

    /// Orders that have not been carried out. Blocks.
    static func waiting(_ folder: String) -> [SpoolOrder] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { SpoolOrder(path: "\(folder)/\($0)", name: $0) }
    }

    func concerns(_ entry: SetAsideRequest) -> Bool { requests?.contains(entry.id) ?? true }

    /// Takes the order away, for good: after a power failure it would be carried out on what has come since.
    func isDone() {
        unlink(path)
        let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        defer { close(folder) }
        fsync(folder)
    }

    /// Waits for the daemon.
    ///
    /// - Returns: whether it has carried the order out.
    public func wait(atMost time: Duration) async -> Bool {
        let end = ContinuousClock.now + time
        while FileManager.default.fileExists(atPath: path) {
            guard ContinuousClock.now < end else { return false }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return true
    }
}
