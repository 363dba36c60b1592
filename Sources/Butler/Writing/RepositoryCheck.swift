import ButlerModel
import Database
import Datastore
import ObjectStorage
import Registry

/// Something in a repository that is not as it should be.
public struct RepositoryFault: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case fileWithoutRecord = "file without record"
        case recordWithoutFile = "record without file"
        case wrongSize = "wrong size"
        case wrongChecksum = "wrong checksum"
        case recordWithoutLocation = "record without location"
        case locationWithoutRecord = "location without record"
        case unfinishedDeletion = "unfinished deletion"
        case emptyTrashRow = "empty trash row"
        case missingSummary = "missing summary"
        case missingOverlap = "missing overlap"

        /// Whether ``DirectButler/check(repairs:checksums:_:)`` mends it. What is in a damaged file only a copy of it
        /// can tell.
        public var isRepairable: Bool { self != .wrongSize && self != .wrongChecksum }
    }

    public let kind: Kind
    /// A path, the identifier of a dataset, or the name of a collection or record.
    public let subject: String
    public let detail: String
    public let isRepaired: Bool
}

extension DirectButler {
    /// Looks for what older software, or a power failure, has left behind, and mends it if asked to.
    ///
    /// Repairs: files in folders below a datastore's root that no record names are removed; records without file and
    /// locations without record are forgotten, while the datasets stay known; deletions are finished; rows that
    /// searches rely on are added. Files directly in the root are left alone, because people keep things there.
    ///
    /// Memory: flat. Cost: a listing of all files, a look at each recorded one, and scans of the tables.
    /// - Parameters:
    ///   - checksums: whether files are read whole where a checksum is recorded.
    ///   - body: is told of each fault as it is found.
    public func check(
        repairs: Bool = false, checksums: Bool = false, _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        if repairs { try requireWriteable(to: "repair the repository") }
        let all = try datastore().files
        for files in all {
            try await checkRecords(files, repairs, checksums, body)
            try await checkTables(files, repairs, body)
            if let location = files.rootLocation.localPath {
                let roots = all.compactMap(\.rootLocation.localPath).filter { $0 != location && $0.hasPrefix(location) }
                try await checkFiles(files, besides: roots, repairs, body)
            }
        }
        try await checkDerivedRows(repairs, body)
    }

    private func checkRecords(
        _ files: FileDatastore, _ repairs: Bool, _ checksums: Bool, _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        var last: DatasetID?
        while true {
            let after = last
            let page = try await registry.read { try files.checkedRecords(after: after, limit: 1000, $0.connection) }
            guard let latest = page.last else { return }
            last = latest.id
            var lost: Set<DatasetID> = []
            var unfinished: Set<DatasetID> = []
            for record in page {
                func report(_ kind: RepositoryFault.Kind, _ detail: String) async throws {
                    try await body(
                        RepositoryFault(
                            kind: kind, subject: kind == .recordWithoutLocation || kind == .unfinishedDeletion
                                ? record.id.description : record.info.path, detail: detail,
                            isRepaired: repairs && kind.isRepairable))
                }
                guard record.isLocated else {
                    unfinished.insert(record.id)
                    try await report(
                        record.isTrashed ? .unfinishedDeletion : .recordWithoutLocation, "of '\(record.info.path)'")
                    continue
                }
                switch try await files.fault(of: record.info, checksums: checksums) {
                case nil: continue
                case .missing:
                    lost.insert(record.id)
                    try await report(.recordWithoutFile, "of dataset \(record.id)")
                case .size(let found):
                    try await report(.wrongSize, "\(found) bytes instead of \(record.info.fileSize)")
                case .checksum: try await report(.wrongChecksum, "of dataset \(record.id)")
                }
            }
            guard repairs else { continue }
            let (forgotten, deleted) = (Array(lost), Array(unfinished))
            if !forgotten.isEmpty { try await registry.write { try files.deleteRecords(forgotten, $0.connection) } }
            if !deleted.isEmpty {
                try await registry.write { writer in
                    try files.trashUnlocated(deleted, writer.connection)
                    for chunk in deleted.pieces(of: FileDatastore.trashChunk) {
                        _ = try files.emptyTrash(chunk, writer.connection)
                    }
                }
            }
        }
    }

    private func checkTables(
        _ files: FileDatastore, _ repairs: Bool, _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        let (locations, trash) = try await registry.read {
            (try files.locationsWithoutRecord($0.connection), try files.trashWithoutRecord($0.connection))
        }
        for (ids, kind) in [(locations, RepositoryFault.Kind.locationWithoutRecord), (trash, .emptyTrashRow)] {
            for id in ids {
                try await body(
                    RepositoryFault(
                        kind: kind, subject: id.description, detail: "in datastore '\(files.name)'", isRepaired: repairs))
            }
        }
        guard repairs else { return }
        try await registry.write { writer in
            for chunk in locations.pieces(of: 10_000) { try files.deleteRecords(chunk, writer.connection) }
            try files.forgetTrash(trash, writer.connection)
        }
    }

    private func checkFiles(
        _ files: FileDatastore, besides roots: [String], _ repairs: Bool,
        _ body: (RepositoryFault) async throws -> Void
    ) async throws {
        let registry = registry
        let own = files.rootLocation.localPath ?? "/"
        try await files.filesWithoutRecord(
            isForeign: { path in
                roots.contains { path.hasPrefix($0) } || !path.dropFirst(own.count).contains("/")
            },
            read: { query in try await registry.read { try query($0.connection) } }
        ) { path, size in
            if repairs { try await registry.write { try files.removeWithoutRecord(path, $0.connection) } }
            try await body(
                RepositoryFault(
                    kind: .fileWithoutRecord, subject: path, detail: "\(size) bytes", isRepaired: repairs))
        }
    }

    private func checkDerivedRows(_ repairs: Bool, _ body: (RepositoryFault) async throws -> Void) async throws {
        let missing = try await registry.read { try $0.missingSummaries() }
        for summary in missing {
            try await body(
                RepositoryFault(
                    kind: .missingSummary, subject: summary.collection, detail: summary.subject, isRepaired: repairs))
        }
        if repairs, !missing.isEmpty { try await registry.write { try $0.addSummaries(missing) } }
        for element in universe.elements where element.isSpatial && element.hasOwnTable {
            while true {
                let found = try await registry.read { try $0.unplacedRecords(of: element, limit: repairs ? 1000 : 100_000) }
                for values in found {
                    let text = values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.quotedDescription)" }
                    try await body(
                        RepositoryFault(
                            kind: .missingOverlap, subject: element.name, detail: text.joined(separator: ", "),
                            isRepaired: repairs))
                }
                guard repairs, !found.isEmpty else { break }
                try await registry.write { try $0.placeRecords(of: element, found) }
            }
        }
    }
}
