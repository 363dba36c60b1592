import ButlerModel
import ByteText
import Datastore
import ObjectStorage
import Registry

/// Reading datasets, and what can be told of them without reading.
extension DirectButler {
    public func read(_ ref: DatasetRef, _ request: ReadRequest) async throws -> DatasetValue {
        let stored = try await stored(ref.id)
        return try await datastore().read(try await findable(ref, stored), from: stored, request)
    }

    /// A reference with which a datastore can look for files without records.
    private func findable(_ ref: DatasetRef, _ stored: [StoredDataset]) async throws -> DatasetRef {
        guard stored.isEmpty, !ref.dataID.isExpanded, try datastore().trustsGetRequests else { return ref }
        return try await expanded(ref)
    }

    private func expanded(_ ref: DatasetRef) async throws -> DatasetRef {
        ref.dataID.isExpanded ? ref : ref.with(dataID: try await registry.read { try $0.expand(ref.dataID) })
    }

    // MARK: Existence

    /// Cost: one transaction for all, and one look for each file, some at a time.
    public func exists(_ refs: [DatasetRef], verifies: Bool = true) async throws -> [DatasetID: DatasetExistence] {
        let datastore = try datastore()
        let ids = refs.map(\.id)
        let (recorded, stored) = try await registry.read { snapshot in
            (
                Dictionary(try snapshot.datasets(ids).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }),
                try datastore.stored(ids, snapshot.connection)
            )
        }
        var existence: [DatasetID: DatasetExistence] = [:]
        for ref in refs {
            var flags = DatasetExistence.unrecognized
            if let known = recorded[ref.id] {
                try check(ref, against: known)
                flags.insert(.recorded)
            }
            if datastore.knows(ref.id, stored[ref.id] ?? []) { flags.insert(.datastore) }
            if !verifies, flags != .unrecognized { flags.insert(.assumed) }
            existence[ref.id] = flags
        }
        guard verifies else { return existence }
        let present = try await withThrowingTaskGroup(of: (DatasetID, Bool).self) { group in
            var waiting = refs.makeIterator()
            func addNext() {
                guard let ref = waiting.next() else { return }
                group.addTask {
                    let files = stored[ref.id] ?? []
                    return (ref.id, try await datastore.exists(try await self.findable(ref, files), files))
                }
            }
            for _ in 0..<16 { addNext() }
            var present: Set<DatasetID> = []
            for try await (id, isThere) in group {
                if isThere { present.insert(id) }
                addNext()
            }
            return present
        }
        for id in present { existence[id]?.insert(.artifact) }
        return existence
    }

    /// A storage class may differ; type, data ID and run may not.
    private func check(_ ref: DatasetRef, against known: DatasetRef) throws {
        let name = ref.datasetType.nameAndComponent.parent
        guard name == known.datasetType.name, ref.run.hasSameBytes(as: known.run), ref.dataID == known.dataID else {
            throw ButlerError(
                .conflictingDefinition,
                "\(ref) has the identifier of \(known), which is another dataset; "
                    + "use the reference that the repository gives.")
        }
    }

    // MARK: Locations

    public func locations(of ref: DatasetRef, predicts: Bool = false) async throws -> DatasetLocations {
        let datastore = try datastore()
        let stored = try await stored(ref.id)
        let findable = try await findable(ref, stored)
        let members = datastore.members
        // Of several copies the first that is there counts.
        var lost: DatasetLocations?
        for member in members {
            switch member {
            case .memory(let memory):
                if memory.contains(ref.id) { return DatasetLocations(whole: try memory.location(of: ref)) }
            case .file(let files):
                if let recorded = stored.first(where: { $0.datastore.name == files.name }) {
                    let found = try locations(recorded.infos, in: files)
                    if members.count == 1 { return found }
                    if try await recorded.exists() { return found }
                    lost = lost ?? found
                } else if let guessed = try await files.guess(findable) {
                    return try locations(guessed.infos, in: files)
                }
            }
        }
        if let lost { return lost }
        guard predicts else {
            throw DatastoreError.notStored(dataset: ref.description, datastore: datastore.name)
        }
        let whole = try await expanded(ref)
        var refusal = DatastoreError.rejected(dataset: ref.description, datastore: datastore.name)
        for files in datastore.files where files.accepts(whole) {
            do {
                var predicted = try locations(try files.expectedFiles(of: whole), in: files)
                predicted.isPredicted = true
                return predicted
            } catch let error as DatastoreError {
                refusal = error
            }
        }
        throw refusal
    }

    private func locations(_ infos: [StoredFileInfo], in files: FileDatastore) throws -> DatasetLocations {
        var locations = DatasetLocations(whole: nil)
        for info in infos {
            let uri = try files.location(of: info)
            if let component = info.component { locations.components[component] = uri } else { locations.whole = uri }
        }
        return locations
    }
}
