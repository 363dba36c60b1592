import Butler
import ButlerModel
import Datastore
import FITS
import Foundation
import Registry
import StructuredData

/// Typed reads, existence and places of datasets.
extension ProbeSession {
    /// The flags of each reference, as Python counts them.
    func exists(_ command: DocumentReader) async throws -> StructuredValue {
        let refs = try command.required("refs").items().map { try DatasetRef(wire: $0, universe: butler.universe) }
        let verifies = try command.optional("full_check")?.bool() ?? true
        let flags = try await butler.exists(refs, verifies: verifies)
        return .array(refs.map { .int(Int64(flags[$0.id]?.rawValue ?? -1)) })
    }

    func locations(_ command: DocumentReader) async throws -> StructuredValue {
        let ref = try DatasetRef(wire: try command.required("ref"), universe: butler.universe)
        let found = try await butler.locations(of: ref, predicts: try command.optional("predict")?.bool() ?? false)
        let components = found.components.sorted { $0.key < $1.key }
        return .object([
            "whole": found.whole.map { .string($0.description) } ?? .null,
            "components": .object(
                StructuredMapping(components.map { ($0.key, StructuredValue.string($0.value.description)) })),
            "predicted": .bool(found.isPredicted),
        ])
    }

    private func box(_ command: DocumentReader) throws -> PixelBox? {
        guard let bounds = try command.optional("bbox")?.items().map({ Int(try $0.int64()) }), bounds.count == 4 else {
            return nil
        }
        return PixelBox(x: bounds[0]..<bounds[1], y: bounds[2]..<bounds[3])
    }

    /// A dataset through a deferred handle: structured data, or the pixels of the first image.
    func read(_ command: DocumentReader) async throws -> StructuredValue {
        guard let id = DatasetID(try command.required("id").string()),
            let ref = try await butler.registry.read({ try $0.dataset(id) })
        else { throw command.failure("names no dataset") }
        let deferred = try await butler.getDeferred(
            ref, parameters: ReadParameters(bbox: try box(command)),
            storageClass: try command.optional("storage_class")?.string())
        let component = try command.optional("component")?.string()
        guard try command.optional("as")?.string() == "image" else {
            return try await deferred.get(StructuredValue.self, component: component)
        }
        let image = try await deferred.get(FITSImage.self, component: component)
        let pixels: [StructuredValue] =
            switch image.pixels {
            case .float(let values): values.map { .float(Double($0)) }
            case .double(let values): values.map { .float($0) }
            case .int32(let values): values.map { .int(Int64($0)) }
            default: throw command.failure("asks for pixels of a type that the probe does not print")
            }
        return .object(["shape": .array(image.shape.map { .int(Int64($0)) }), "pixels": .array(pixels)])
    }

    /// Puts an exposure with smooth pixels, or one image of it.
    func putImage(_ command: DocumentReader) async throws -> StructuredValue {
        let rows = Int(try command.required("rows").int64())
        let columns = Int(try command.required("columns").int64())
        let count = rows * columns
        let image = try MaskedImage(
            rows: rows, columns: columns, image: (0..<count).map { Float($0) + 0.5 },
            mask: (0..<count).map { Int32($0 % 5) }, variance: (0..<count).map { Float($0 + 1) },
            origin: PixelOrigin(x: 100, y: 200), metadata: FITSHeader([FITSCard("OBSERVER", .string("Vera"))]))
        let planes = try image.planes()
        let value: DatasetValue
        switch try command.required("what").string() {
        case "exposure": value = .image(Exposure(image))
        case "image": value = .image(planes.image)
        case "mask": value = .image(planes.mask)
        default: throw command.failure("asks for an unknown kind of image")
        }
        var provenance = DatasetProvenance()
        if let quantum = try command.optional("quantum")?.string() { provenance.quantum = UUID(uuidString: quantum) }
        let inputs = try command.optional("inputs")?.strings().compactMap { DatasetID($0) } ?? []
        for input in try await butler.registry.read({ try $0.datasets(inputs) }) { provenance.add(input) }
        let refs = try await butler.put(
            [
                DirectButler.NewDataset(
                    value, try command.required("type").string(),
                    try DataCoordinate.mapping(wire: try command.required("data_id")), provenance: provenance)
            ], run: try command.required("run").string())
        return refs[0].wire
    }

    /// The provenance in a FITS file, in the flat form.
    func provenance(_ command: DocumentReader) async throws -> StructuredValue {
        let header = try FITSFile(contentsOf: try command.required("path").string()).hdus.first?.header ?? FITSHeader()
        guard let (provenance, ref) = try await butler.provenance(in: header) else { return .null }
        let pairs = provenance.flat(for: ref, prefix: "", separator: ".")
        return .object(StructuredMapping(pairs.map { ($0.key, $0.value) }))
    }
}
