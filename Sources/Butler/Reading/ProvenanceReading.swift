import ButlerModel
import Datastore
import FITS
import Registry

extension DirectButler {
    /// The provenance that a FITS header carries, with its datasets looked up in this repository.
    ///
    /// - Returns: the inputs, and the dataset that the header is about; `nil` for a header without provenance.
    /// - Throws: `ButlerError` of kind `datasetNotFound` for a dataset that this repository does not know, of kind
    ///   `malformedModel` for damaged keywords.
    public func provenance(
        in header: FITSHeader
    ) async throws -> (provenance: DatasetProvenance, dataset: DatasetRef?)? {
        guard let (read, id) = try header.provenance() else { return nil }
        let wanted = read.inputs.map(\.id) + (id.map { [$0] } ?? [])
        let found = try await registry.read { snapshot in
            Dictionary(try snapshot.datasets(wanted).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        }
        if let missing = wanted.first(where: { found[$0] == nil }) {
            throw ButlerError(
                .datasetNotFound, "The provenance names dataset \(missing), which this repository does not know.")
        }
        var resolved = DatasetProvenance(quantum: read.quantum)
        for input in read.inputs {
            guard let ref = found[input.id] else { continue }
            resolved.add(ref)
            try resolved.add(input.extras, to: ref.id)
        }
        return (resolved, id.flatMap { found[$0] })
    }
}
