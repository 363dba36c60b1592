import ButlerModel
import StructuredData
import TableRendering

/// The datasets of one type, or the files of one component, as a table.
struct DatasetTable: Sendable {
    /// The dataset type, or `type.component`.
    let name: String
    var rows: [(ref: DatasetRef, uri: String?)]

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
        let order = DatasetOrder(standardFor: group)
        return rows.sorted { a, b in
            guard a.ref.run == b.ref.run else {
                return a.ref.run.unicodeScalars.lexicographicallyPrecedes(b.ref.run.unicodeScalars)
            }
            return order.precedes(a.ref.dataID, b.ref.dataID)
        }
    }
}
