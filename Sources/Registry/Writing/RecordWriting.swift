import ButlerModel
import Database
import SkyGeometry

/// What to do about a dimension record whose key exists already.
public enum RecordConflictPolicy: Sendable {
    /// Fail, and undo everything.
    case fail
    /// Keep the old record, without looking at what it holds.
    case skip
    /// Put the new record in its place.
    case replace
}

/// Insertion of dimension records: the one writer of the dimension tables and their overlap tables.
extension RegistryWriter {
    /// Inserts records of any elements, dependencies first, with the rows that place them on the sky.
    ///
    /// Cost: one statement a record, and one a sky pixel that its region touches.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` for elements that hold no records of their own, and
    ///   `DatabaseError` for conflicting keys and records that refer to missing ones.
    public func insert(_ records: [DimensionRecord], onConflict policy: RecordConflictPolicy = .fail) throws {
        let byElement = Dictionary(grouping: records, by: \.element.position)
        for (position, group) in byElement.sorted(by: { $0.key < $1.key }) {
            let element = universe.elements[position]
            guard element.hasOwnTable else {
                throw ButlerError(
                    .conflictingDefinition,
                    "Records of '\(element.name)' follow from other things and cannot be inserted.")
            }
            try insert(group, of: element, policy)
        }
        try refresh()
    }

    private func insert(
        _ records: [DimensionRecord], of element: DimensionElement, _ policy: RecordConflictPolicy
    ) throws {
        let table = schema.elementTable(element)
        let rule: ConflictRule =
            switch policy {
            case .fail: .fail
            case .skip: .ignoreOn(table.primaryKey)
            case .replace: .update(key: table.primaryKey, set: nil)
            }
        try connection.executeMany(
            try SQL.insert(into: table, columns: table.columns.map(\.name), onConflict: rule),
            rows: records.map { $0.values.map(\.sqlValue) })
        if element.isGovernor { try announce(element, records) }
        if element.isSpatial { try place(element, records, policy) }
    }

    /// A new governor value gets a row in every overlap summary that is kept by that governor.
    private func announce(_ governor: DimensionElement, _ records: [DimensionRecord]) throws {
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
    private func place(
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
        for record in records {
            guard let region = record.region else { continue }
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
    }

    private func commonSkypix() throws -> DimensionElement.Skypix {
        guard let skypix = universe.commonSkypix.skypix else {
            throw RegistryError.badUniverse(reason: "its common skypix dimension is no pixelization")
        }
        return skypix
    }
}
