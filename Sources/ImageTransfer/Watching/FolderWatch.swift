import ByteText
import Foundation
import ObjectStorage

/// Sends the files that a writer drops into a folder, and below it, once they have not changed for a while.
///
/// The folder is looked through twice a second. Files that were there before are looked for in the store, and sent if
/// they are not there, after all that is new; so nothing has to be remembered over a restart.
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
        /// Whether it was there when the watch began.
        var isOld = false
        var isTaken = false
    }

    private struct Round {
        var seen: [ObjectPath: Seen] = [:]
        /// Which file was taken last for a key, of some thousands.
        var taken: [ExactName: Errand] = [:]
        /// What has been the matter; it is told once, not twice a second.
        var problems: Set<String> = []
        var isFirst = true
    }

    /// What the processes before have taken and not sent.
    private struct Left {
        let waiting: Set<Errand>
        /// How the files were.
        let setAside: [Errand: Set<String>]

        init(_ journal: SpoolJournal) {
            waiting = Set(journal.recovered.map(Errand.init))
            setAside = Dictionary(grouping: journal.setAsideList.entries) { Errand($0.request) }
                .mapValues { Set($0.compactMap(\.fileTag)) }
        }

        /// A file that has changed since it was set aside is another request.
        func contains(_ errand: Errand, _ status: ObjectStatus) -> Bool {
            waiting.contains(errand) || setAside[errand]?.contains(status.etag) ?? false
        }
    }

    func run() async {
        let left = Left(dispatcher.journal)
        var round = Round()
        while !Task.isCancelled {
            do { round = try await look(round, left) } catch {
                tell(["\(rule.folder) cannot be watched: \(error)"], &round)
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    private func tell(_ problems: Set<String>, _ round: inout Round) {
        for problem in problems.subtracting(round.problems).sorted() { log.problem(problem) }
        round.problems = problems
    }

    private func look(_ before: Round, _ left: Left) async throws -> Round {
        let pattern = try Regex(rule.match)
        guard FileManager.default.fileExists(atPath: rule.folder) else {
            throw ObjectStorageError.notFound(path: rule.folder)
        }
        let (files, problems) = try await POSIXObjectStore(root: ResourceURI(localPath: rule.folder)).accessibleFiles()
        var (round, troubles) = (before, Set(problems.map { "\($0)" }))
        (round.seen, round.isFirst) = ([:], false)
        let now = ContinuousClock.now
        for entry in files {
            guard let match = try pattern.wholeMatch(in: entry.path.basename) else { continue }
            let errand = Errand(
                file: rule.folder + "/" + entry.path.description, bucket: rule.bucket, key: key(entry.path, match))
            let (size, time) = (entry.status.size, entry.status.modificationTime)
            var file =
                before.seen[entry.path]
                ?? Seen(
                    size: size, time: time, since: now, isOld: before.isFirst,
                    isTaken: before.isFirst && left.contains(errand, entry.status))
            if file.size != size || file.time != time { file = Seen(size: size, time: time, since: now) }
            if !file.isTaken, now - file.since >= .seconds(rule.settle) {
                // One of them would be lost. Of files that others have sent the store tells, and one that was set aside
                // for that, or forgotten, has no name.
                if let other = round.taken[errand.key], other != errand,
                    !dispatcher.journal.setAsideList.hasGivenUp(other)
                {
                    troubles.insert("\(errand.file) is not sent: '\(errand.key)' is already the name of \(other.file)")
                } else {
                    do {
                        file.isTaken = try await take(errand, isOld: file.isOld)
                        if round.taken.count > 10_000 { round.taken = [:] }
                        if file.isTaken { round.taken[errand.key] = errand }
                    } catch { troubles.insert("\(errand.file) is not sent: \(error)") }
                }
            }
            round.seen[entry.path] = file
        }
        tell(troubles, &round)
        return round
    }

    /// - Returns: whether the file is in the spool; else it is looked at again.
    private func take(_ errand: Errand, isOld: Bool) async throws -> Bool {
        if isOld, dispatcher.journal.room == 0 { return false }
        // Half of a file is of no use, and what is not there yet when it is removed would be lost.
        let isOpen = try await POSIXObjectStore.sharedPool.run { LocalFile.isBeingWritten(errand.file) }
        if isOpen { return false }
        do {
            try await dispatcher.enqueueDropped(
                errand.file, bucket: errand.bucket, key: errand.key, priority: isOld ? .bulk : rule.priority,
                deletes: rule.deletes)
        } catch DaemonError.spoolFull { return false }
        return true
    }

    private func key(_ path: ObjectPath, _ match: Regex<AnyRegexOutput>.Match) -> String {
        var key = rule.key.replacing("{file}", with: path.basename).replacing("{path}", with: path.description)
        for element in match.output {
            if let name = element.name, let text = element.substring { key = key.replacing("{\(name)}", with: text) }
        }
        return key
    }
}
