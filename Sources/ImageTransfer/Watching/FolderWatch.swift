import Foundation
import ObjectStorage

/// Sends the files that a writer drops into a folder, and below it, once they have not changed for a while.
///
/// The folder is looked through twice a second. Files that were there before are looked for in the store, and sent if
/// they are not there; so nothing has to be remembered over a restart.
struct FolderWatch: Sendable {
    private let rule: TransferRules.WatchRule
    private let dispatcher: Dispatcher
    private let log: TransferLog

    init(_ rule: TransferRules.WatchRule, _ dispatcher: Dispatcher, _ log: TransferLog) {
        self.rule = rule
        self.dispatcher = dispatcher
        self.log = log
    }

    private struct Seen {
        var size: Int64
        var time: Int64
        var since: ContinuousClock.Instant
        var isTaken = false
    }

    func run() async {
        var seen: [ObjectPath: Seen] = [:]
        var problem = ""
        while !Task.isCancelled {
            do {
                seen = try await look(seen)
                problem = ""
            } catch {
                // Once for each kind of trouble, not twice a second.
                if "\(error)" != problem { log.problem("\(rule.folder) cannot be watched: \(error)") }
                problem = "\(error)"
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    private func look(_ before: [ObjectPath: Seen]) async throws -> [ObjectPath: Seen] {
        let pattern = try Regex(rule.match)
        let store = try POSIXObjectStore(root: ResourceURI(localPath: rule.folder))
        var seen: [ObjectPath: Seen] = [:]
        let now = ContinuousClock.now
        for try await page in try await store.list(nil) {
            for entry in page {
                guard let match = try pattern.wholeMatch(in: entry.path.basename) else { continue }
                let (size, time) = (entry.status.size, entry.status.modificationTime)
                var file = before[entry.path] ?? Seen(size: size, time: time, since: now)
                if file.size != size || file.time != time { file = Seen(size: size, time: time, since: now) }
                if !file.isTaken, now - file.since >= .seconds(rule.settle) {
                    do {
                        try await dispatcher.enqueue(
                            rule.folder + "/" + entry.path.description, bucket: rule.bucket,
                            key: key(entry.path, match), priority: rule.priority, deletes: rule.deletes,
                            because: .recovery)
                        file.isTaken = true
                    } catch DaemonError.spoolFull {
                        // It stays where it is and is taken later.
                    }
                }
                seen[entry.path] = file
            }
        }
        return seen
    }

    private func key(_ path: ObjectPath, _ match: Regex<AnyRegexOutput>.Match) -> String {
        var key = rule.key.replacing("{file}", with: path.basename).replacing("{path}", with: path.description)
        for element in match.output {
            if let name = element.name, let text = element.substring { key = key.replacing("{\(name)}", with: text) }
        }
        return key
    }
}
