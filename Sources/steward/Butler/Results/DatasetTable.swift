import ButlerModel
import ByteText
import StructuredData
import TableRendering

/// A dataset with, if asked for, the locations of its files.
struct DatasetRow: Sendable {
    let ref: DatasetRef
    /// By component, which is empty for a dataset in one file.
    let locations: [(component: String, uri: String)]?

    var jsonLine: String {
        var object: StructuredMapping = [
            "dataset_type": .string(ref.datasetType.name),
            "run": .string(ref.run),
            "id": .string(ref.id.description),
            "data_id": .object(StructuredMapping(ref.dataID.pairs.map { ($0.name, $0.value.wire) })),
        ]
        if let locations {
            object["uris"] = .array(
                locations.map { component, uri in
                    ["component": component.isEmpty ? .null : .string(component), "uri": .string(uri)]
                })
        }
        return ResultLines(json: [object]).lines[0]
    }
}

/// The datasets of one type, or the files of one component, as a table.
struct DatasetTable: Sendable {
    /// The dataset type, or `type.component`.
    let name: String
    private var rows: [(ref: DatasetRef, uri: String?)]

    /// One table for a dataset type; where composites are kept in parts, one for each component too, by name.
    static func tables(_ datasetType: String, _ rows: [DatasetRow]) -> [DatasetTable] {
        var tables: [String: DatasetTable] = [:]
        for row in rows {
            guard let locations = row.locations else {
                tables[datasetType, default: DatasetTable(name: datasetType, rows: [])].rows.append((row.ref, nil))
                continue
            }
            for (component, uri) in locations {
                let name = component.isEmpty ? datasetType : "\(datasetType).\(component)"
                tables[name, default: DatasetTable(name: name, rows: [])].rows.append((row.ref, uri))
            }
        }
        return tables.values.sorted { $0.name < $1.name }
    }

    /// - Parameter isOrdered: whether the rows have the wanted order; else they get the standard one, by run first.
    func lines(isOrdered: Bool) -> ResultLines {
        guard let first = rows.first else { return ResultLines(lines: []) }
        let group = first.ref.datasetType.dimensions
        var columns = ["type", "run", "id"] + group.keyNames
        if first.uri != nil { columns.append("URI") }
        var table = TextTable(columns: columns)
        for (ref, uri) in isOrdered ? rows : sorted(group) {
            var cells = [name, ref.run, ref.id.description] + ref.dataID.values.map(\.description)
            if let uri { cells.append(uri) }
            table.append(cells)
        }
        return ResultLines(table)
    }

    private func sorted(_ group: DimensionGroup) -> [(ref: DatasetRef, uri: String?)] {
        let order = DataIDOrder(standardFor: group)
        return rows.sorted { a, b in
            guard a.ref.run.hasSameBytes(as: b.ref.run) else {
                return a.ref.run.precedesInBytes(b.ref.run)
            }
            return order.precedes(a.ref.dataID, b.ref.dataID)
        }
    }
}
