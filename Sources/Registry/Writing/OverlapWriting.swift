import ButlerModel
import Database
import SkyGeometry

/// Where records are on the sky: the one writer of the skypix overlap tables and their summaries.
/// Source: repository format reference, sections 2.6 and 5.2.
extension RegistryWriter {
    /// A new governor value gets a row in every overlap summary that is kept by that governor.
    func announce(_ governor: DimensionElement, _ records: [DimensionRecord]) throws {
        let common = try commonSkypix()
        for element in schema.spatialElements where schema.governor(of: element) == governor {
            let table = schema.overlapSummary(element, governor)
            try connection.executeMany(
                try SQL.insert(into: table, columns: table.columns.map(\.name), onConflict: .ignore),
                rows: records.compactMap { record in
                    record.requiredValues.first.map { [.text(common.system), .int(Int64(common.level)), $0.sqlValue] }
                })
        }
    }

    /// Enters the pixels of the common skypix level that each record's region may touch.
    /// - Throws: `RegistryError` when the repository keeps overlaps with other pixels too, which would become wrong.
    func place(
        _ element: DimensionElement, _ records: [DimensionRecord], _ policy: RecordConflictPolicy
    ) throws {
        guard let governor = schema.governor(of: element) else { return }
        let common = try commonSkypix()
        let pixelization = try PixelizationKind(className: common.className).pixelization(level: common.level)
        let table = schema.overlap(element, governor)
        let keyNames = element.required.map { universe.elements[$0].name }
        if case .replace = policy {
            for record in records {
                let tests = zip(keyNames, record.requiredValues).map { name, value -> SQL in
                    "\(column: name) = \(value: value.sqlValue)"
                }
                try connection.execute("DELETE FROM \(table: table.name) WHERE \(SQL.all(tests))")
            }
        }
        let columns = ["skypix_system", "skypix_level"] + keyNames + ["skypix_index"]
        let template = try SQL.insert(
            into: table, columns: columns, onConflict: { if case .fail = policy { .fail } else { .ignore } }())
        var rows: [[SQLValue]] = []
        var isPlaced = false
        for record in records {
            guard let region = record.region else { continue }
            isPlaced = true
            let prefix: [SQLValue] =
                [.text(common.system), .int(Int64(common.level))] + record.requiredValues.map(\.sqlValue)
            for range in try pixelization.envelope(of: try region.decoded()).ranges {
                for pixel in range { rows.append(prefix + [.int(Int64(pixel))]) }
            }
            if rows.count > 20_000 {
                try connection.executeMany(template, rows: rows)
                rows.removeAll(keepingCapacity: true)
            }
        }
        try connection.executeMany(template, rows: rows)
        if isPlaced { try refuseOtherPixels(element, governor, common) }
    }

    private func refuseOtherPixels(
        _ element: DimensionElement, _ governor: DimensionElement, _ common: DimensionElement.Skypix
    ) throws {
        let table = schema.overlapSummary(element, governor).name
        let other = try connection.fetchOne(
            """
            SELECT \(column: "skypix_system"), \(column: "skypix_level") FROM \(table: table) \
            WHERE NOT (\(column: "skypix_system") = \(value: common.system) \
            AND \(column: "skypix_level") = \(value: common.level))
            """
        ) { "\(try $0.text(0))\(try $0.int(1))" }
        if let other {
            throw RegistryError.corruptValue(
                table: table, column: "skypix_system",
                reason: "the repository keeps overlaps of '\(element.name)' with \(other), which this version cannot "
                    + "keep current; use a newer version to write to it")
        }
    }

    private func commonSkypix() throws -> DimensionElement.Skypix {
        guard let skypix = universe.commonSkypix.skypix else {
            throw RegistryError.badUniverse(reason: "its common skypix dimension is no pixelization")
        }
        return skypix
    }
}
