import Butler
import ButlerModel
import Datastore
import ObjectStorage

/// Where the files of datasets are, for commands that show or fetch them.
struct DatasetFiles: Sendable {
    let butler: DirectButler

    /// What is recorded about the files of datasets, in the first datastore that has any. In the order of `refs`.
    /// - Throws: ``CommandFailure/refused(_:)`` when some have none.
    func stored(_ refs: [DatasetRef]) async throws -> [(ref: DatasetRef, stored: StoredDataset)] {
        let datastore = try butler.datastore()
        let ids = refs.map(\.id)
        let found = try await butler.registry.read { try datastore.stored(ids, $0.connection) }
        var result: [(ref: DatasetRef, stored: StoredDataset)] = []
        var missing: [DatasetRef] = []
        for ref in refs {
            if let first = found[ref.id]?.first { result.append((ref, first)) } else { missing.append(ref) }
        }
        if let first = missing.first {
            throw CommandFailure.refused(
                "\(missing.count) of \(refs.count) datasets have no files in datastore '\(datastore.name)', "
                    + "among them \(first).")
        }
        return result
    }
}
