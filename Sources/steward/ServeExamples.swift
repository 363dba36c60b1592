import Butler
import ButlerModel
import ButlerServer
import Database
import Registry
import StructuredData

/// What a newcomer can try with a server that has just started: lines that work as they are printed, with a dataset
/// that the repository really holds.
struct ServeExamples {
    /// A dataset with a file, by what it is.
    struct Specimen: Sendable {
        let type: String
        let dataID: [(name: String, value: DataIDValue)]
        let collection: String
        let id: DatasetID
    }

    let label: String
    let specimen: Specimen?

    /// Looks for a dataset that a plain Python client can read: JSON or YAML first, then any with a file.
    /// None while the database cannot be reached.
    init(_ repository: ServeOptions.Repository) async throws {
        label = repository.label
        do {
            specimen = try await Self.specimen(of: repository)
        } catch let error as DatabaseError where error.isOutage {
            specimen = nil
        }
    }

    private static func specimen(of repository: ServeOptions.Repository) async throws -> Specimen? {
        let butler = try await DirectButler.open(repository.configuration)
        let (types, collections) = try await butler.registry.read { snapshot in
            (
                try snapshot.datasetTypes(matching: ["*"]).found.filter { !$0.isCalibration },
                try snapshot.collectionInfo(CollectionSearch(types: [.run], includeSummary: true))
            )
        }
        let preferred = types.sorted { a, b in
            (rank(a), b.dimensions.count, a.name) < (rank(b), a.dimensions.count, b.name)
        }
        let specimen = try await specimen(preferred, collections, butler)
        try await butler.close()
        return specimen
    }

    private static func specimen(
        _ types: [DatasetType], _ collections: [CollectionInfo], _ butler: DirectButler
    ) async throws -> Specimen? {
        for type in types {
            for collection in collections where collection.datasetTypes?.contains(type.name) == true {
                for try await ref in butler.query.datasets(type.name, in: [collection.name]).limit(20) {
                    guard try await !butler.stored(ref.id).isEmpty else { continue }
                    return Specimen(
                        type: type.name,
                        dataID: zip(type.dimensions.requiredNames, ref.dataID.requiredValues).map { ($0, $1) },
                        collection: collection.name, id: ref.id)
                }
            }
        }
        return nil
    }

    private static func rank(_ type: DatasetType) -> Int {
        switch type.storageClass {
        case "StructuredDataDict", "int", "StructuredDataList": 0
        case "AstropyTable", "Packages", "Timespan": 1
        default: 2
        }
    }

    /// The text to print for a server at this address.
    func text(host: String, port: Int) -> String {
        let url = "http://\(host):\(port)/api/butler/repo/\(label)"
        var lines = [
            "Serving '\(label)' at \(url)", "",
            "In Python, with pip install 'lsst-daf-butler[remote]':", "",
            "    import os",
            "    os.environ.setdefault(\"BUTLER_RUBIN_ACCESS_TOKEN\", \"local\")  # any text: this server asks for none",
            "    from lsst.daf.butler import Butler",
            "    butler = Butler(\"\(url)\")",
            "    print(butler.collections.query(\"*\"))",
        ]
        if let specimen {
            let arguments = specimen.dataID.map { ", \($0.name)=\(Self.python($0.value))" }.joined()
            lines.append(
                "    print(butler.get(\"\(specimen.type)\"\(arguments), collections=\(Self.python(.string(specimen.collection)))))"
            )
        }
        lines += ["", "With curl:", "", "    curl -s '\(url)/butler.yaml'"]
        if let specimen {
            lines.append("    curl -s '\(url)/v1/dataset_type/\(specimen.type)'")
            lines.append("    curl -sL '\(url)/v1/dataset/\(specimen.id)/download'")
        } else {
            lines.append("    curl -s '\(url)/v1/universe'")
            lines.append(
                "    curl -s '\(url)/v1/query_dataset_types' -H 'Content-Type: application/json' -d '{\"search\": [\"*\"]}'"
            )
        }
        lines += ["", "Stop with Ctrl-C."]
        return lines.joined(separator: "\n")
    }

    private static func python(_ value: DataIDValue) -> String {
        switch value {
        case .int(let number): return String(number)
        case .string(let text):
            var writer = JSONWriter()
            writer.value(text)
            return writer.text
        }
    }
}
