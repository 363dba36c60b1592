import ByteText
import Database
import StructuredData

/// What a live ObsCore table holds and for which datasets: the `config` of the manager `obscore`, which a repository
/// keeps as JSON in `config:obscore.json`.
///
/// Source: VO services reference, section 1.1. Keys that it does not name are ignored, as in Python.
public struct ObsCoreConfiguration: Sendable, Hashable {
    /// Which collections' datasets are in the table.
    enum Source: Sendable, Hashable {
        /// Datasets of runs whose whole name one of the regular expressions matches; of all runs if there are none.
        case runs(patterns: [String]?)
        /// Members of one TAGGED collection.
        case tagged(String)

        func isTag(_ name: String) -> Bool { if case .tagged(let own) = self { own.hasSameBytes(as: name) } else { false } }
    }

    /// A column of the repository's own.
    enum ExtraColumn: Sendable, Hashable {
        case constant(SQLValue)
        case template(String, ExtraType, length: Int64?, doc: String?)
    }

    enum ExtraType: String, Sendable, CaseIterable {
        case bool, int, float, string
    }

    struct NamedColumn: Sendable, Hashable {
        var name: String
        var column: ExtraColumn
    }

    struct DatasetTypeRules: Sendable, Hashable {
        var productType: String
        var productSubtype: String?
        var calibLevel: Int64
        var ucd: String?
        var accessFormat: String?
        var obsIDFormat: String?
        var datalinkFormat: String?
        var obsCollection: String?
        /// Pixels along the two spatial axes.
        var pixels: [Int64]?
        var extraColumns: [NamedColumn]?
    }

    struct NamedRules: Sendable, Hashable {
        var name: String
        var rules: DatasetTypeRules
    }

    struct Facility: Sendable, Hashable {
        var instrument: String
        var name: String
    }

    /// Metres; either end may be open.
    struct SpectralRange: Sendable, Hashable {
        var name: String
        var from: Double?
        var to: Double?
    }

    struct PlugIn: Sendable, Hashable {
        var name: String
        var className: String
        var options: StructuredMapping
    }

    struct Index: Sendable, Hashable {
        var name: String
        var columns: [String]
        /// Whether the configuration has one name instead of a list.
        var isSingle: Bool
    }

    var source: Source
    /// In the order of the configuration, which is that of their columns.
    var datasetTypes: [NamedRules]
    var obsCollection: String?
    var facilityName: String
    var facilities: [Facility]
    var extraColumns: [NamedColumn]?
    var indexes: [Index]?
    var spectralRanges: [SpectralRange]
    var plugIns: [PlugIn]
    var fallbackInstrument: String?
    var publisherFormat: String?
    var namespace: String
    var version: Int64
    var tableName: String

    func facility(of instrument: String?) -> String {
        instrument.flatMap { name in facilities.first { $0.instrument.hasSameBytes(as: name) } }?.name ?? facilityName
    }

    func rules(of datasetType: String) -> DatasetTypeRules? { datasetTypes.first { $0.name == datasetType }?.rules }

    // MARK: Reading

    /// - Throws: ``RegistryError/badObsCore(reason:)`` that names the key.
    public init(_ values: StructuredMapping) throws(RegistryError) {
        let reader = Reader(.object(values), "registry.managers.obscore.config")
        let collections = try reader["collections"]?.texts()
        let type = try reader.required("collection_type")
        switch try type.text() {
        case "RUN": source = .runs(patterns: collections)
        case "TAGGED":
            guard let collections, collections.count == 1 else {
                throw .badObsCore(
                    reason: "'\(reader.path).collections' must name exactly one collection for collection_type TAGGED.")
            }
            source = .tagged(collections[0])
        default: throw type.failure("must be RUN or TAGGED")
        }
        var types: [NamedRules] = []
        for (name, member) in try reader.required("dataset_types").members() {
            types.append(NamedRules(name: name, rules: try Self.rules(member)))
        }
        datasetTypes = types
        obsCollection = try reader["obs_collection"]?.text()
        facilityName = try reader.required("facility_name").text()
        var facilities: [Facility] = []
        for (name, member) in try reader["facility_map"]?.members() ?? [] {
            facilities.append(Facility(instrument: name, name: try member.text()))
        }
        self.facilities = facilities
        extraColumns = try Self.columns(reader["extra_columns"])
        if let section = reader["indices"] {
            var found: [Index] = []
            for (name, member) in try section.members() {
                if let single = member.value.stringValue {
                    found.append(Index(name: name, columns: [single], isSingle: true))
                } else {
                    found.append(Index(name: name, columns: try member.texts(), isSingle: false))
                }
            }
            indexes = found
        }
        var ranges: [SpectralRange] = []
        for (name, member) in try reader["spectral_ranges"]?.members() ?? [] {
            let ends = try member.pair()
            ranges.append(
                SpectralRange(
                    name: name, from: ends.0.value.isNull ? nil : try ends.0.number(),
                    to: ends.1.value.isNull ? nil : try ends.1.number()))
        }
        spectralRanges = ranges
        var plugIns: [PlugIn] = []
        for (name, member) in try reader["spatial_plugins"]?.members() ?? [] {
            plugIns.append(
                PlugIn(
                    name: name, className: try member.required("cls").text(),
                    options: try member["config"]?.mapping() ?? [:]))
        }
        self.plugIns = plugIns
        fallbackInstrument = try reader["fallback_instrument"]?.text()
        publisherFormat = try reader["obs_publisher_did_fmt"]?.text()
        namespace = try reader["namespace"]?.text() ?? "daf_butler_obscore"
        version = try reader.required("version").integer()
        tableName = try reader["table_name"]?.text() ?? "obscore"
    }

    private static func rules(_ reader: Reader) throws(RegistryError) -> DatasetTypeRules {
        var pixels: [Int64]?
        if let pair = try reader["s_xel"]?.pair() { pixels = [try pair.0.integer(), try pair.1.integer()] }
        return DatasetTypeRules(
            productType: try reader.required("dataproduct_type").text(),
            productSubtype: try reader["dataproduct_subtype"]?.text(),
            calibLevel: try reader.required("calib_level").integer(), ucd: try reader["o_ucd"]?.text(),
            accessFormat: try reader["access_format"]?.text(), obsIDFormat: try reader["obs_id_fmt"]?.text(),
            datalinkFormat: try reader["datalink_url_fmt"]?.text(),
            obsCollection: try reader["obs_collection"]?.text(),
            pixels: pixels, extraColumns: try columns(reader["extra_columns"]))
    }

    private static func columns(_ reader: Reader?) throws(RegistryError) -> [NamedColumn]? {
        guard let reader else { return nil }
        var columns: [NamedColumn] = []
        for (name, member) in try reader.members() {
            columns.append(NamedColumn(name: name, column: try column(member)))
        }
        return columns
    }

    private static func column(_ reader: Reader) throws(RegistryError) -> ExtraColumn {
        switch reader.value {
        case .bool(let value): return .constant(.bool(value))
        case .int(let value): return .constant(.int(value))
        case .float(let value): return .constant(.double(value))
        case .string(let value): return .constant(.text(value))
        case .object:
            let name = try reader["type"]?.text() ?? "string"
            guard let type = ExtraType(rawValue: name) else {
                throw reader.failure("has the type '\(name)'; it must be bool, int, float or string")
            }
            return .template(
                try reader.required("template").text(), type, length: try reader["length"]?.integer(),
                doc: try reader["doc"]?.text())
        default: throw reader.failure("must be a constant or a mapping with 'template'")
        }
    }}

// MARK: - The stored form

extension ObsCoreConfiguration {
    /// The whole configuration with its defaults, in the order in which Python keeps it.
    var stored: StructuredValue {
        func text(_ value: String?) -> StructuredValue { value.map { .string($0) } ?? .null }
        func texts(_ values: [String]) -> StructuredValue { .array(values.map { .string($0) }) }
        var result = StructuredMapping()
        let collections: [String]?
        switch source {
        case .runs(let patterns): collections = patterns
        case .tagged(let name): collections = [name]
        }
        result["collections"] = collections.map(texts) ?? .null
        result["dataset_types"] = .object(.init(datasetTypes.map { ($0.name, $0.rules.stored) }))
        result["obs_collection"] = text(obsCollection)
        result["facility_name"] = .string(facilityName)
        result["facility_map"] = .object(.init(facilities.map { ($0.instrument, .string($0.name)) }))
        result["extra_columns"] = Self.stored(extraColumns)
        result["indices"] =
            indexes.map { indexes in
                .object(.init(indexes.map { ($0.name, $0.isSingle ? .string($0.columns[0]) : texts($0.columns)) }))
            } ?? .null
        result["spectral_ranges"] = .object(
            .init(
                spectralRanges.map { range in
                    (range.name, .array([range.from, range.to].map { $0.map { .float($0) } ?? .null }))
                }))
        result["spatial_plugins"] = .object(
            .init(plugIns.map { ($0.name, .object(["cls": .string($0.className), "config": .object($0.options)])) }))
        result["fallback_instrument"] = text(fallbackInstrument)
        result["obs_publisher_did_fmt"] = text(publisherFormat)
        result["namespace"] = .string(namespace)
        result["version"] = .int(version)
        result["table_name"] = .string(tableName)
        if case .tagged = source { result["collection_type"] = "TAGGED" } else { result["collection_type"] = "RUN" }
        return .object(result)
    }

    static func stored(_ columns: [NamedColumn]?) -> StructuredValue {
        guard let columns else { return .null }
        return .object(
            .init(
                columns.map { named -> (String, StructuredValue) in
                    switch named.column {
                    case .constant(.bool(let value)): return (named.name, .bool(value))
                    case .constant(.int(let value)): return (named.name, .int(value))
                    case .constant(.double(let value)): return (named.name, .float(value))
                    case .constant(.text(let value)): return (named.name, .string(value))
                    case .constant: return (named.name, .null)
                    case .template(let template, let type, let length, let doc):
                        let parts: StructuredMapping = [
                            "template": .string(template), "type": .string(type.rawValue),
                            "length": length.map { .int($0) } ?? .null, "doc": doc.map { .string($0) } ?? .null,
                        ]
                        return (named.name, .object(parts))
                    }
                }))
    }
}

extension ObsCoreConfiguration.DatasetTypeRules {
    var stored: StructuredValue {
        func text(_ value: String?) -> StructuredValue { value.map { .string($0) } ?? .null }
        return [
            "dataproduct_type": .string(productType), "dataproduct_subtype": text(productSubtype),
            "calib_level": .int(calibLevel), "o_ucd": text(ucd), "access_format": text(accessFormat),
            "obs_id_fmt": text(obsIDFormat), "datalink_url_fmt": text(datalinkFormat),
            "obs_collection": text(obsCollection), "s_xel": pixels.map { .array($0.map { .int($0) }) } ?? .null,
            "extra_columns": ObsCoreConfiguration.stored(extraColumns),
        ]
    }
}

// MARK: - Typed access

/// A value of the configuration and where it stands; a null member is absent.
private struct Reader {
    let value: StructuredValue
    let path: String

    init(_ value: StructuredValue, _ path: String) {
        self.value = value
        self.path = path
    }

    subscript(key: String) -> Reader? {
        guard let member = value[key], !member.isNull else { return nil }
        return Reader(member, path + "." + key)
    }

    func failure(_ reason: String) -> RegistryError {
        .badObsCore(reason: "'\(path)' \(reason); it is \(value.kindName).")
    }

    func required(_ key: String) throws(RegistryError) -> Reader {
        guard let member = self[key] else { throw .badObsCore(reason: "'\(path)' lacks '\(key)'.") }
        return member
    }

    func text() throws(RegistryError) -> String {
        guard let text = value.stringValue else { throw failure("must be a string") }
        return text
    }

    func texts() throws(RegistryError) -> [String] {
        guard let members = value.arrayValue else { throw failure("must be a list of strings") }
        var texts: [String] = []
        for member in members { texts.append(try Reader(member, path).text()) }
        return texts
    }

    func integer() throws(RegistryError) -> Int64 {
        if let number = value.intValue { return number }
        if case .float(let number) = value, let whole = Int64(exactly: number) { return whole }
        if case .string(let text) = value, let whole = Int64(text) { return whole }
        throw failure("must be a whole number")
    }

    func number() throws(RegistryError) -> Double {
        if let number = value.numberValue { return number }
        if case .string(let text) = value, let number = Double(text) { return number }
        throw failure("must be a number")
    }

    func pair() throws(RegistryError) -> (Reader, Reader) {
        guard let members = value.arrayValue, members.count == 2 else { throw failure("must be a list of two") }
        return (Reader(members[0], path), Reader(members[1], path))
    }

    func mapping() throws(RegistryError) -> StructuredMapping {
        guard let mapping = value.objectValue else { throw failure("must be a mapping") }
        return mapping
    }

    func members() throws(RegistryError) -> [(String, Reader)] {
        try mapping().pairs.map { ($0.key, Reader($0.value, path + "." + $0.key)) }
    }
}
