import ButlerModel
import Database
import SkyGeometry

/// Makes the ObsCore rows of datasets in one transaction. Source: VO services reference, section 1.3.
///
/// Cost: for each dataset with an exposure a look-up of the visit whose region it takes, unless another dataset of the
/// same exposure and detector came before.
final class ObsCoreRecords {
    private let table: ObsCoreTable
    private let snapshot: RegistrySnapshot
    private let memory = RecordMemory()
    private var exposureRegions: [[DataIDValue]: Region?] = [:]

    private let onWarning: (String) -> Void

    /// - Parameter onWarning: is told of regions that the table does not take.
    init(_ table: ObsCoreTable, _ snapshot: RegistrySnapshot, onWarning: @escaping (String) -> Void) {
        self.table = table
        self.snapshot = snapshot
        self.onWarning = onWarning
    }

    private var universe: DimensionUniverse { snapshot.universe }
    private var configuration: ObsCoreConfiguration { table.configuration }

    /// The row of a dataset in the order of the table's columns; `nil` for dataset types that are not in the table.
    /// - Throws: `ButlerError` of kind `dataIDValue` when a format string does not fit the dataset.
    func row(of ref: DatasetRef) throws -> [SQLValue]? {
        guard let rules = configuration.rules(of: ref.datasetType.name) else { return nil }
        let dataID = try snapshot.expand(ref.dataID, remembering: memory)
        var values = try generalValues(ref, dataID, rules)
        try addUniverseValues(&values, dataID, of: ref.id)
        values[ObsCoreTable.key] = .uuid(ref.id.uuid)
        return table.specification.columns.map { values[$0.name] ?? .null }
    }

    // MARK: What is the same for all universes

    private func generalValues(
        _ ref: DatasetRef, _ dataID: DataCoordinate, _ rules: ObsCoreConfiguration.DatasetTypeRules
    ) throws -> [String: SQLValue] {
        var values: [String: SQLValue] = ["calib_level": .int(rules.calibLevel)]
        var fields: [String: FormatValue] = [:]
        for (name, value) in dataID.pairs { fields[name] = FormatValue(value) }
        fields["id"] = .uuid(ref.id)
        fields["run"] = .string(ref.run)
        fields["dataset_type"] = .string(ref.datasetType.name)
        fields["calib_level"] = .int(rules.calibLevel)
        let texts = [
            ("dataproduct_type", rules.productType), ("dataproduct_subtype", rules.productSubtype),
            ("o_ucd", rules.ucd), ("obs_collection", rules.obsCollection ?? configuration.obsCollection),
            ("access_format", rules.accessFormat),
        ]
        for (name, text) in texts {
            values[name] = text.map { .text($0) } ?? .null
            fields[name] = text.map { .string($0) } ?? FormatValue.none
        }
        if let pixels = rules.pixels {
            for (name, number) in zip(["s_xel1", "s_xel2"], pixels) {
                values[name] = .int(number)
                fields[name] = .int(number)
            }
        }
        if fields["visit"] == nil, let exposure = fields["exposure"] { fields["visit"] = exposure }

        let templates = table.templates.types[ref.datasetType.name] ?? .init()
        func fill(_ name: String, _ template: ObsCoreTemplate?) throws {
            guard let template else { return }
            values[name] = .text(try text(template, name, ref, dataID, fields))
        }
        try fill("obs_id", templates.obsID)
        if case .text(let id)? = values["obs_id"] { fields["obs_id"] = .string(id) }
        try fill("access_url", templates.datalink)
        try fill("obs_publisher_did", table.templates.publisher)
        for (name, column) in templates.columns {
            switch column {
            case .constant(let value): values[name] = value
            case .template(let template, let type):
                do throws(ObsCoreTemplate.Failure) {
                    let text = try template.formatted(dataID, fields)
                    guard let value = type.value(of: text) else {
                        throw .unusable("'\(text)' is no value of type \(type.rawValue)")
                    }
                    values[name] = value
                } catch {
                    // As upstream, a column of another kind of dataset.
                    if case .missing = error { continue }
                    throw failure(error, template, name, ref)
                }
            }
        }
        return values
    }

    private func text(
        _ template: ObsCoreTemplate, _ column: String, _ ref: DatasetRef, _ dataID: DataCoordinate,
        _ fields: [String: FormatValue]
    ) throws -> String {
        do throws(ObsCoreTemplate.Failure) {
            return try template.formatted(dataID, fields)
        } catch {
            throw failure(error, template, column, ref)
        }
    }

    private func failure(
        _ failure: ObsCoreTemplate.Failure, _ template: ObsCoreTemplate, _ column: String, _ ref: DatasetRef
    ) -> ButlerError {
        let reason =
            switch failure {
            case .missing(let name): "its data ID has no '\(name)'"
            case .unusable(let reason): reason
            }
        return ButlerError(
            .dataIDValue,
            "The ObsCore column '\(column)' of \(ref) cannot be filled with '\(template.text)': \(reason). The "
                + "repository's ObsCore configuration must be mended.")
    }

    // MARK: What this universe says

    private func addUniverseValues(
        _ values: inout [String: SQLValue], _ dataID: DataCoordinate, of id: DatasetID
    ) throws {
        func value(_ dimension: String) -> DataIDValue? { universe.element(dimension).flatMap { dataID[$0.position] } }
        var instrument = configuration.fallbackInstrument
        if case .string(let name)? = value("instrument") { instrument = name }
        values["instrument_name"] = instrument.map { .text($0) } ?? .null
        values["facility_name"] = .text(configuration.facility(of: instrument))
        if let span = dataID.timespan, !span.isEmpty {
            if !span.hasUnboundedBegin { values["t_min"] = .double(try span.begin.mjd(scale: .utc)) }
            if !span.hasUnboundedEnd { values["t_max"] = .double(try span.end.mjd(scale: .utc)) }
        }
        var region: Region?
        if let regions = dataID.regions, regions.count == 1 { region = try regions[0].decoded() }
        if let exposure = universe.element("exposure"), dataID[exposure.position] != nil {
            if let record = dataID.record(of: exposure) { Self.addObservation(record, to: &values) }
            region = try exposureRegion(dataID)
        } else if let visit = universe.element("visit"), dataID[visit.position] != nil {
            if let record = dataID.record(of: visit) { Self.addObservation(record, to: &values) }
        }
        values.merge(spatialValues(region, of: "dataset \(id)")) { $1 }
        if case .string(let band)? = value("band") {
            values["em_filter_name"] = .text(band)
            var names = [band]
            if case .string(let filter)? = value("physical_filter") { names.insert(filter, at: 0) }
            let ranges = configuration.spectralRanges
            if let range = names.lazy.compactMap({ name in ranges.first { $0.name == name } }).first {
                values["em_min"] = range.from.map { .double($0) } ?? .null
                values["em_max"] = range.to.map { .double($0) } ?? .null
            }
        }
    }

    /// As upstream, other shapes than convex polygons, and intersections, leave all of these columns empty, with a
    /// warning.
    func spatialValues(_ region: Region?, of subject: @autoclosure () -> String) -> [String: SQLValue] {
        guard let region else { return [:] }
        guard case .polygon(let polygon) = region else {
            onWarning(
                "The region of \(subject()) is no convex polygon; the ObsCore table holds no other, and its spatial "
                    + "columns were not filled.")
            return [:]
        }
        return table.spatial.reduce(into: [:]) { $0.merge($1.values(polygon)) { $1 } }
    }

    private static func addObservation(_ record: DimensionRecord, to values: inout [String: SQLValue]) {
        values["t_exptime"] = record["exposure_time"]?.sqlValue ?? .null
        values["target_name"] = record["target_name"]?.sqlValue ?? .null
    }

    /// The region of a visit that an exposure belongs to, or of its part that falls on the detector. Exposures have
    /// none of their own.
    private func exposureRegion(_ dataID: DataCoordinate) throws -> Region? {
        guard let definition = universe.element("visit_definition"), let exposure = universe.element("exposure"),
            let instrument = universe.element("instrument"), let visit = universe.element("visit")
        else { return nil }
        let detector = universe.element("detector").flatMap { dataID[$0.position] }
        guard let element = universe.element(detector == nil ? "visit" : "visit_detector_region") else { return nil }
        let key = [instrument.position, exposure.position].compactMap { dataID[$0] }
        guard key.count == 2 else { return nil }
        let fullKey = key + (detector.map { [$0] } ?? [])
        if let known = exposureRegions[fullKey] { return known }
        let keyColumns = [visit, exposure].map { $0.primaryKey?.name ?? "id" }
        let part: SQL = detector.map { " AND \(column: "detector", of: "r") = \(value: $0.sqlValue)" } ?? ""
        // As upstream, what both imply (filter, day) must agree.
        let shared = visit.implied.filter { exposure.implied.contains($0) }.map { position -> SQL in
            let name = universe.elements[position].name
            return " AND \(column: name, of: "v") = \(column: name, of: "e")"
        }
        let bytes = try snapshot.connection.fetchOne(
            """
            SELECT \(column: "region", of: "r") FROM \(table: definition.name) AS \(alias: "d") \
            JOIN \(table: exposure.name) AS \(alias: "e") \
            ON \(column: "instrument", of: "e") = \(column: "instrument", of: "d") \
            AND \(column: keyColumns[1], of: "e") = \(column: "exposure", of: "d") \
            JOIN \(table: visit.name) AS \(alias: "v") \
            ON \(column: "instrument", of: "v") = \(column: "instrument", of: "d") \
            AND \(column: keyColumns[0], of: "v") = \(column: "visit", of: "d")\(shared.joined(separator: "")) \
            JOIN \(table: element.name) AS \(alias: "r") \
            ON \(column: "instrument", of: "r") = \(column: "instrument", of: "d") \
            AND \(column: element == visit ? keyColumns[0] : "visit", of: "r") = \(column: "visit", of: "d")\(part) \
            WHERE \(column: "instrument", of: "d") = \(value: key[0].sqlValue) \
            AND \(column: "exposure", of: "d") = \(value: key[1].sqlValue) ORDER BY \(column: "visit", of: "d")
            """
        ) { row in row.isNull(0) ? nil : try row.bytes(0) }
        let region = try bytes.flatMap { $0 }.map { try EncodedRegion(bytes: $0).decoded() }
        if exposureRegions.count >= 50_000 { exposureRegions = [:] }
        exposureRegions[fullKey] = .some(region)
        return region
    }
}

extension ObsCoreConfiguration.ExtraType {
    /// The value that a text stands for, as Python converts it; `nil` when it is none.
    func value(of text: String) -> SQLValue? {
        var plain = text[...]
        while plain.unicodeScalars.first?.properties.isWhitespace == true { plain.unicodeScalars.removeFirst() }
        while plain.unicodeScalars.last?.properties.isWhitespace == true { plain.unicodeScalars.removeLast() }
        switch self {
        case .string: return .text(text)
        case .int: return Int64(plain).map { .int($0) }
        case .bool: return Int64(plain).map { .bool($0 != 0) }
        case .float: return Double(plain).map { .double($0) }
        }
    }
}
