import ButlerModel
import ByteText
import Datastore
import Registry

/// What to do about records, locations and trash that contradict each other or the files. Each function looks at things
/// as its transaction sees them, and changes them if it is given a writer.
extension RepositoryCheck {
    /// Datasets whose records have no location or no file.
    /// - Parameter elsewhere: what is known of files that could be those of records.
    func mend(
        _ ids: [DatasetID], in files: FileDatastore, forgetsLost: Bool,
        _ elsewhere: [FileDatastore.RecordKey: String], _ snapshot: RegistrySnapshot, _ writer: RegistryWriter?
    ) throws -> [RepositoryFault] {
        let connection = snapshot.connection
        let known = Set(try snapshot.datasets(ids).map(\.id))
        var faults: [RepositoryFault] = []
        var lost: [FileDatastore.CheckedRecord] = []
        var deleted: Set<DatasetID> = []
        var located: Set<DatasetID> = []
        let records = try files.checkedRecords(of: ids, among: all, connection)
        // What waits in a trash with an age is as it should be.
        let waiting = records.contains(where: \.isTrashed) ? Set(try files.keptInTrash().keys) : []
        for (id, own) in Dictionary(grouping: records, by: \.id).sorted(by: { $0.key < $1.key }) {
            if own[0].isLocated {
                for record in own where try files.isThere(record.info) == false {
                    let reason = try elsewhere[record.key] ?? reasonToRemember(record, in: files, forgetsLost)
                    if reason == nil { lost.append(record) }
                    faults.append(
                        fault(.recordWithoutFile, record.info.path, "of dataset \(id)", reason, .rows))
                }
            } else if own[0].isTrashed, waiting.contains(id) {
                continue
            } else if own[0].isTrashed || !known.contains(id) {
                let reason = try reasonToKeep(own, in: files, snapshot)
                if reason == nil { deleted.insert(id) }
                let bytes = try own.reduce(Int64(0)) { $0 + (try files.sizeBelowRoot($1.info)) }
                faults.append(
                    fault(
                        own[0].isTrashed ? .unfinishedDeletion : .recordWithoutLocation, id.description,
                        "of '\(own[0].info.path)'" + (own[0].isTrashed ? "" : ", which no dataset has any more"), reason,
                        .deletion(bytes: bytes)))
            } else {
                // The registry knows the dataset: the datastore has it. Files that are missing come next time.
                located.insert(id)
                faults.append(
                    fault(.recordWithoutLocation, id.description, "of '\(own[0].info.path)'", nil, .rows))
            }
        }
        guard let writer else { return faults }
        try files.locate(Array(located), writer.connection)
        try files.forgetLost(lost, writer.connection)
        try files.deleteUnlocated(Array(deleted), writer.connection)
        return faults
    }

    private func fault(
        _ kind: RepositoryFault.Kind, _ subject: String, _ detail: String, _ reason: String?,
        _ remedy: RepositoryFault.Remedy
    ) -> RepositoryFault {
        RepositoryFault(
            kind, subject, reason.map { "\(detail); left alone: \($0)" } ?? detail, reason == nil ? remedy : .none,
            repairs: repairs)
    }

    /// Why a record is better kept although its file is not there.
    private func reasonToRemember(
        _ record: FileDatastore.CheckedRecord, in files: FileDatastore, _ forgetsLost: Bool
    ) throws -> String? {
        if !forgetsLost {
            return "more files are missing than there, as when a disk is not mounted; if they are lost, unstore the "
                + "datasets with prune-datasets"
        }
        return try files.reasonToRemember(record.info)
    }

    /// Why files of a dataset that is in the trash, or that nobody knows, are better kept.
    private func reasonToKeep(
        _ records: [FileDatastore.CheckedRecord], in files: FileDatastore, _ snapshot: RegistrySnapshot
    ) throws -> String? {
        for record in records {
            if try files.isRecordedElsewhere(record.info, among: all, snapshot.connection) {
                return "another datastore has a record of the file"
            }
            if !record.isTrashed, let change = try files.latestChange(record.info),
                Self.now - change < options.minimumAge
            {
                return "the file was changed less than \(options.minimumAge) seconds ago"
            }
        }
        return nil
    }

    // MARK: Locations and trash

    func locations(of files: FileDatastore, _ body: (RepositoryFault) async throws -> Void) async throws {
        let ids = try await registry.read { try files.locationsWithoutRecord($0.connection) }
        for chunk in ids.pieces(of: 1000) {
            let refs = try await registry.read { snapshot in
                try self.datasets(withoutRecord: chunk, in: files, snapshot)
            }
            var found: [DatasetID: FileDatastore.FoundFiles] = [:]
            for ref in refs { found[ref.id] = try await files.find(ref) }
            let known = found
            let faults = try await transaction { snapshot, writer in
                try self.mendLocations(of: chunk, known, in: files, snapshot, writer)
            }
            for fault in faults { try await body(fault) }
        }
    }

    /// Those of the datasets that have a location and no record, in the order of their identifiers, with expanded data IDs.
    private func datasets(
        withoutRecord ids: [DatasetID], in files: FileDatastore, _ snapshot: RegistrySnapshot
    ) throws -> [DatasetRef] {
        let gone = Set(try files.located(ids, snapshot.connection)).subtracting(try recorded(ids, under: files.name, snapshot))
        return try snapshot.datasets(gone.sorted()).sorted { $0.id < $1.id }.map {
            $0.with(dataID: try snapshot.expand($0.dataID, trustingImplied: true))
        }
    }

    /// Those of the datasets that a datastore of this name has records of. In a chain, two may have one name.
    private func recorded(
        _ ids: [DatasetID], under name: String, _ snapshot: RegistrySnapshot
    ) throws -> Set<DatasetID> {
        var known: Set<DatasetID> = []
        for other in all where other.name.hasSameBytes(as: name) {
            known.formUnion(try other.recorded(ids, snapshot.connection))
        }
        return known
    }

    /// Gives records to datasets that have a location only, or forgets the location if there is no trace of a file.
    private func mendLocations(
        of ids: [DatasetID], _ found: [DatasetID: FileDatastore.FoundFiles], in files: FileDatastore,
        _ snapshot: RegistrySnapshot, _ writer: RegistryWriter?
    ) throws -> [RepositoryFault] {
        let connection = writer?.connection ?? snapshot.connection
        var faults: [RepositoryFault] = []
        var lost: [DatasetID] = []
        for ref in try datasets(withoutRecord: ids, in: files, snapshot) {
            var detail = "in datastore '\(files.name)'"
            var reason: String?
            if case .unsound(let flaw) = found[ref.id] {
                reason = "\(flaw); bring back the file that was stored, if other software cannot read it either"
            } else if case .sound(let infos) = found[ref.id],
                try files.recordFound(infos, of: ref.id, isRehearsal: writer == nil, connection)
            {
                detail += "; its file is there"
            } else {
                let stems = try files.possibleStems(of: ref)
                if stems.isEmpty {
                    reason = "what its file would be called is not known here"
                } else if let stem = try stems.first(where: { try files.hasFile(stem: $0) }) {
                    reason = "there is a file '\(stem)…' that could be its own"
                } else {
                    lost.append(ref.id)
                }
            }
            faults.append(fault(.locationWithoutRecord, ref.id.description, detail, reason, .rows))
        }
        if let writer { try files.deleteRecords(lost, writer.connection) }
        return faults
    }

    func trash(of files: FileDatastore, _ body: (RepositoryFault) async throws -> Void) async throws {
        let (empty, stale) = try await transaction { snapshot, writer in
            // Clients that do not look would take what was stored since.
            let stale = try files.trashOfStored(snapshot.connection)
            let ids = try files.trashWithoutRecord(snapshot.connection)
                .pieces(of: 1000).flatMap { piece in
                    let known = try self.recorded(piece, under: files.name, snapshot)
                    return piece.filter { !known.contains($0) }
                }
            if let writer { try files.forgetTrash(ids + stale, writer.connection) }
            return (ids, stale)
        }
        for id in stale {
            try await body(
                fault(.emptyTrashRow, id.description, "in datastore '\(files.name)', which has the dataset", nil, .rows))
        }
        for id in empty {
            try await body(
                fault(.emptyTrashRow, id.description, "in datastore '\(files.name)'", nil, .rows))
        }
    }
}
