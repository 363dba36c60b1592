import ButlerModel
import ByteText
import Database
import SkyGeometry

/// The one writer of the live ObsCore table. Source: VO services reference, section 1.4.
///
/// Rows of datasets that are removed go by themselves. Renamed collections and changed dimension records do not change
/// rows.
extension RegistryWriter {
    /// Rows for datasets that have come into a run, if the table is about runs.
    func addToObsCore(_ refs: [DatasetRef]) throws {
        guard let table = registry.obsCore, case .runs(let patterns) = table.configuration.source else { return }
        var matches: [ExactName: Bool] = [:]
        let chosen = try refs.filter { ref in
            guard table.configuration.rules(of: ref.datasetType.name) != nil else { return false }
            if let known = matches[ref.run] { return known }
            let matching = try Self.matches(ref.run, patterns)
            matches[ref.run] = matching
            return matching
        }
        try insert(chosen, into: table)
    }

    /// Rows for datasets that have become members of a collection, if the table is about that one.
    func addToObsCore(_ refs: [DatasetRef], taggedIn collection: String) throws {
        guard let table = registry.obsCore, table.configuration.source.isTag(collection) else { return }
        try insert(refs, into: table)
    }

    /// No rows any more for datasets that are no members any more.
    func removeFromObsCore(_ refs: [DatasetRef], taggedIn collection: String) throws {
        guard let table = registry.obsCore, table.configuration.source.isTag(collection) else { return }
        for chunk in refs.map(\.id).chunked(by: 10_000) {
            try connection.execute(
                """
                DELETE FROM \(table: table.specification) \
                WHERE \(SQL.isIn("\(column: ObsCoreTable.key)", chunk.map { .uuid($0.uuid) }))
                """)
        }
    }

    /// Says where on the sky exposures were taken, in the rows of a table whose columns hold exposures and detectors.
    ///
    /// - Returns: the number of changed rows: 0 when there is no such table. Regions that are no convex polygons are
    ///   left out with a warning.
    @discardableResult
    public func updateExposureRegions(
        instrument: String, _ regions: [(exposure: Int64, detector: Int64, region: Region)]
    ) throws -> Int {
        guard let table = registry.obsCore, let instrumentColumn = table.dimensionColumns["instrument"],
            let exposureColumn = table.dimensionColumns["exposure"],
            let detectorColumn = table.dimensionColumns["detector"]
        else { return 0 }
        let records = ObsCoreRecords(table, snapshot, onWarning: registry.onWarning)
        return try atomically {
            var count = 0
            for (exposure, detector, region) in regions {
                let values = records.spatialValues(region, of: "exposure \(exposure), detector \(detector)")
                guard !values.isEmpty else { continue }
                count += try connection.execute(
                    try SQL.update(
                        table.specification, set: values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
                        where: """
                            \(column: instrumentColumn) = \(value: .text(instrument)) \
                            AND \(column: exposureColumn) = \(value: .int(exposure)) \
                            AND \(column: detectorColumn) = \(value: .int(detector))
                            """))
            }
            return count
        }
    }

    private func insert(_ refs: [DatasetRef], into table: ObsCoreTable) throws {
        let records = ObsCoreRecords(table, snapshot, onWarning: registry.onWarning)
        for chunk in refs.chunked(by: 10_000) {
            let rows = try chunk.compactMap { try records.row(of: $0) }
            guard !rows.isEmpty else { continue }
            try connection.executeMany(
                try SQL.insert(into: table.specification, onConflict: .ignoreOn([ObsCoreTable.key])), rows: rows)
        }
    }

    /// Whether the whole name matches one of the expressions; it does if there are none.
    private static func matches(_ run: String, _ patterns: [String]?) throws -> Bool {
        guard let patterns, !patterns.isEmpty else { return true }
        return try patterns.contains { pattern in
            try Regex(pattern).matchingSemantics(.unicodeScalar).wholeMatch(in: run) != nil
        }
    }
}
