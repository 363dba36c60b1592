import ButlerModel
import Database
import SkyGeometry

/// Reading dimension records. Elements without a table get theirs from where they come from: skypix pixels are
/// computed, an implied union (`band`) lists the values of the column that implies it.
extension RegistrySnapshot {
    /// The record that these required values name; `nil` when there is none.
    /// - Parameter values: in the order of `element.required`.
    public func record(of element: DimensionElement, _ values: [DataIDValue]) throws -> DimensionRecord? {
        try heldRecord(of: element, values) ?? pending?.record(of: element, values)
    }

    private func heldRecord(of element: DimensionElement, _ values: [DataIDValue]) throws -> DimensionRecord? {
        if let held = cachedRecords.records(of: element) { return held[values] }
        if element.skypix != nil {
            guard case .int(let pixel)? = values.last else { return nil }
            return try SkypixRecords.record(element, pixel: pixel)
        }
        var found: DimensionRecord?
        let conditions = zip(0..., values).map { (column: $0, value: ColumnValue($1)) }
        try records(of: element, where: Array(conditions)) { record in
            found = record
            return false
        }
        return found
    }

    /// Visits the records whose data ID agrees with these values, in the order of their keys, until `visit` returns
    /// false. Values of dimensions that an element neither requires nor implies are ignored.
    public func records(
        of element: DimensionElement, matching values: [String: DataIDValue], limit: Int? = nil,
        _ visit: (DimensionRecord) throws -> Bool
    ) throws {
        guard element.skypix == nil || values[element.name] != nil else {
            throw ButlerError(
                .unimplementedQuery,
                "Records of '\(element.name)' are pixels of the whole sky; name the pixel, as in \(element.name)=1234.")
        }
        var conditions: [(column: Int, value: ColumnValue)] = []
        for (name, value) in values {
            guard let dimension = universe.element(name) else {
                throw ButlerError(.dimensionName, "No dimension with name '\(name)'.")
            }
            if let index = element.required.firstIndex(of: dimension.position) {
                conditions.append((index, ColumnValue(value)))
            } else if let index = element.implied.firstIndex(of: dimension.position) {
                conditions.append((element.required.count + index, ColumnValue(value)))
            }
        }
        conditions.sort { $0.column < $1.column }
        var remaining = limit ?? .max
        guard remaining > 0 else { return }
        try records(of: element, where: conditions) { record in
            remaining -= 1
            return try visit(record) && remaining > 0
        }
    }

    /// Visits the records with these column values in the order of their keys until `visit` returns false.
    func records(
        of element: DimensionElement, where conditions: [(column: Int, value: ColumnValue)],
        _ visit: (DimensionRecord) throws -> Bool
    ) throws {
        if let held = cachedRecords.records(of: element) {
            let matches = held.values.filter { record in
                conditions.allSatisfy { record.values[$0.column] == $0.value }
            }
            for record in matches.sorted(by: { $0.requiredValues.lexicographicallyPrecedes($1.requiredValues) }) {
                guard try visit(record) else { return }
            }
            return
        }
        if element.skypix != nil {
            guard case .int(let pixel)? = conditions.first?.value else { return }
            if let record = try SkypixRecords.record(element, pixel: pixel) { _ = try visit(record) }
            return
        }
        try schema.elementQueries[element.position]?.run(connection, where: conditions, visit)
    }
}

/// Records of sky pixels, which no table holds.
package enum SkypixRecords {
    /// `nil` when the pixelization has no such pixel.
    package static func record(_ element: DimensionElement, pixel: Int64) throws -> DimensionRecord? {
        guard let skypix = element.skypix, let index = UInt64(exactly: pixel) else { return nil }
        let pixelization = try PixelizationKind(className: skypix.className).pixelization(level: skypix.level)
        // As upstream, HTM has pixels of other levels too.
        guard let region = try? pixelization.pixel(index) else { return nil }
        return DimensionRecord(element: element, values: [.int(pixel), .region(EncodedRegion(region))])
    }
}
