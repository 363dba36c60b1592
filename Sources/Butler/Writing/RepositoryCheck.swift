import ButlerModel
import Database
import Datastore
import Foundation
import ObjectStorage
import Registry

extension DirectButler {
    /// Looks for what older software, or a power failure, has left behind, and mends it if asked to.
    ///
    /// Repairs never take away what could be all that is left of a dataset. Rows are added where files and other rows tell
    /// what they should be: locations, records, summaries, overlaps. Deletions are finished. Records of files that are gone
    /// are forgotten, while the datasets stay known, unless more files are missing than there, a folder above them is, or
    /// a file without record could be theirs. Of a datastore that is not there nothing is changed. Each fault is looked at
    /// again in the transaction that mends it, since others may be at work.
    ///
    /// Files without record stay unless their deletion is asked for, and then too if anything else is wrong, and those that
    /// a registered dataset could miss: see ``RepositoryCheck/Options/deletesUnrecorded``.
    ///
    /// Memory: flat, but for an entry for each absolute location and each symbolic link, for files without record if a
    /// record lacks its file, and for paths of datasets in runs that have files without record. Cost: a listing of all
    /// files, a look at each recorded one, and scans of the tables.
    /// - Parameters:
    ///   - progress: is told at how many more datasets with records was looked, and how many there are.
    ///   - body: is told of each fault as it is found, with what a repair does or would do.
    public func check(
        repairs: Bool = false, _ options: RepositoryCheck.Options = RepositoryCheck.Options(),
        progress: @escaping (_ more: Int, _ total: Int) -> Void = { _, _ in },
        _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        if repairs { try requireWriteable(to: "repair the repository") }
        let check = RepositoryCheck(registry: registry, all: try datastore().files, repairs: repairs, options: options)
        var isSound = true
        func report(_ fault: RepositoryFault) async throws {
            isSound = false
            try await body(fault)
        }
        var absent: [FileDatastore] = []
        let total = try await registry.read { snapshot in
            try check.all.reduce(0) { $0 + (try $1.locatedCount(snapshot.connection)) }
        }
        for files in check.all {
            guard let reason = try await check.reasonForAbsence(of: files) else { continue }
            absent.append(files)
            try await report(RepositoryFault(.absentDatastore, files.name, reason, .none, repairs: repairs))
        }
        for chain in try await registry.read({ $0.circularChains }) {
            let detail = "the chain contains itself, which many clients follow for ever; set its members anew"
            try await report(RepositoryFault(.circularChain, chain, detail, .none, repairs: repairs))
        }
        let unrecorded = try UnrecordedFiles(
            of: check.all, absent: absent, database: registry.database.displayName, minimumAge: options.minimumAge)
        for files in check.all where !absent.contains(where: { $0 === files }) {
            try await check.records(of: files, unrecorded, progress: { progress($0, total) }, report)
            try await check.locations(of: files, report)
            try await check.trash(of: files, report)
        }
        try await check.files(unrecorded, isSound: isSound, body)
        try await checkDerivedRows(repairs, body)
    }

    private func checkDerivedRows(_ repairs: Bool, _ body: (RepositoryFault) async throws -> Void) async throws {
        let missing = try await registry.read { try $0.missingSummaries() }
        for summary in missing {
            try await body(
                RepositoryFault(.missingSummary, summary.collection, summary.subject, .rows, repairs: repairs))
        }
        if repairs, !missing.isEmpty { try await registry.write { try $0.addSummaries(missing) } }
        for element in universe.elements where element.isSpatial && element.hasOwnTable {
            while true {
                let found = try await registry.read { try $0.unplacedRecords(of: element, limit: repairs ? 1000 : 100_000) }
                for values in found {
                    let text = values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.quotedDescription)" }
                    try await body(
                        RepositoryFault(
                            .missingOverlap, element.name, text.joined(separator: ", "), .rows, repairs: repairs))
                }
                guard repairs, !found.isEmpty else { break }
                try await registry.write { try $0.placeRecords(of: element, found) }
            }
        }
    }
}

/// One look over the datastores of a repository.
public struct RepositoryCheck: Sendable {
    /// How old a file without record must be to be removed unless told otherwise: an hour, in seconds.
    public static let usualAge: Int64 = 3600

    let registry: Registry
    let all: [FileDatastore]
    let repairs: Bool
    let options: Options

    /// What is looked at, and what a repair may do that only a person can know to be right.
    public struct Options: Sendable {
        /// Whether files are read whole where a checksum is recorded, and members of archives are unpacked.
        public var checksums = false
        /// In seconds. Files that no row vouches for and that were changed later are left alone.
        public var minimumAge = RepositoryCheck.usualAge
        /// Whether files without record go: those where a template puts files of a run that exists, if all datasets of that
        /// run have records, nothing else is wrong in the repository, they are not young, no link leads to them, and they
        /// are no database.
        public var deletesUnrecorded = false
        /// Whether records get size and checksum of their files, where those are others and the files can be read.
        public var trustsFiles = false

        public init() {}
    }

    static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    /// Runs what looks, and mends what it finds if asked to, in one transaction.
    func transaction<Value: Sendable>(
        _ body: @escaping @Sendable (RegistrySnapshot, RegistryWriter?) throws -> Value
    ) async throws -> Value {
        if repairs { return try await registry.write { try body($0.snapshot, $0) } }
        return try await registry.read { try body($0, nil) }
    }

    // MARK: Presence

    /// Why a datastore seems not to be there: no root, or none of its recorded files. `nil` when it is.
    func reasonForAbsence(of files: FileDatastore) async throws -> String? {
        let local = files.rootLocation.localPath
        if local != nil, try files.existingRoot() == nil { return try files.reasonForAbsence() }
        if local == nil {
            let first = try await registry.read { [all] in
                try files.checkedRecords(after: nil, limit: 1, among: all, $0.connection).records.first
            }
            if let first, let reason = try await files.reasonForSilence(about: first.info) {
                return "its files cannot be looked at: \(reason)"
            }
        }
        let isPresent = try await count(files) { present, _ in present > 0 }
        guard isPresent.missing > 0, isPresent.present == 0 else { return nil }
        return "none of its files is in '\(local ?? files.rootLocation.description)'; "
            + (local == nil ? "" : "mount its disk, or ") + "correct the root in butler.yaml"
    }

    /// Counts recorded files that are there and that are not, until `isEnough` of both.
    func count(
        _ files: FileDatastore, until isEnough: (Int, Int) -> Bool
    ) async throws -> (present: Int, missing: Int) {
        var (present, missing) = (0, 0)
        var last: DatasetID?
        while true {
            let after = last
            let (ids, records) = try await registry.read { [all] snapshot in
                try files.checkedRecords(after: after, limit: 1000, among: all, snapshot.connection)
            }
            guard let latest = ids.last else { return (present, missing) }
            last = latest
            let there = try await files.presence(of: records.filter(\.isLocated).map(\.info)).compactMap { $0 }
            present += there.count { $0 }
            missing += there.count { !$0 }
            if isEnough(present, missing) { return (present, missing) }
        }
    }

    // MARK: Records

    func records(
        of files: FileDatastore, _ unrecorded: UnrecordedFiles, progress: (Int) -> Void,
        _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        var last: DatasetID?
        var archives = CheckedArchives()
        var displaced: DisplacedFiles?
        var isMostlyThere: Bool?
        while true {
            let after = last
            let (ids, page) = try await registry.read { [all] in
                try files.checkedRecords(after: after, limit: 1000, among: all, $0.connection)
            }
            guard let latest = ids.last else { return }
            last = latest
            defer { progress(ids.count) }
            var likely: [FileDatastore.RecordKey: String] = [:]
            var faulty = Set(page.filter { !$0.isLocated }.map(\.id))
            let located = page.filter(\.isLocated)
            let faults = try await files.faults(of: located.map(\.info), checksums: options.checksums, &archives)
            for (record, fault) in zip(located, faults) {
                func report(_ kind: RepositoryFault.Kind, _ detail: String) async throws {
                    try await body(RepositoryFault(kind, record.info.path, detail, .none, repairs: repairs))
                }
                switch fault {
                case nil: continue
                case .unusable(let reason):
                    try await report(
                        .unusablePath,
                        "of dataset \(record.id): \(reason); correct the record, or unstore the dataset with prune-datasets")
                case .missing:
                    faulty.insert(record.id)
                    if isMostlyThere == nil {
                        let (present, missing) = try await count(files) { _, _ in false }
                        isMostlyThere = missing <= present
                    }
                    if displaced == nil { displaced = try await displacedFiles(unrecorded) }
                    likely[record.key] = try await displaced?.likeness(of: record.info, files)
                case .size(let found):
                    let detail = "\(found) bytes instead of \(record.info.fileSize)"
                    try await body(try await mismatch(.wrongSize, detail, record, in: files))
                case .checksum:
                    try await body(try await mismatch(.wrongChecksum, "of dataset \(record.id)", record, in: files))
                case .archive(let reason): try await report(.damagedArchive, "of dataset \(record.id): \(reason)")
                case .outOfReach(let reason): try await report(.fileOutOfReach, "of dataset \(record.id): \(reason)")
                }
            }
            guard !faulty.isEmpty else { continue }
            let (wanted, forgetsLost, elsewhere) = (Array(faulty), isMostlyThere ?? true, likely)
            let found = try await transaction { snapshot, writer in
                try self.mend(wanted, in: files, forgetsLost: forgetsLost, elsewhere, snapshot, writer)
            }
            for fault in found { try await body(fault) }
        }
    }
}
