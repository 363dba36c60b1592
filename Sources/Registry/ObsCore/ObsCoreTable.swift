import ButlerModel
import Database

/// The live ObsCore table of a repository: its columns, and what of its configuration is needed for each dataset.
///
/// Source: VO services reference, section 1.2.
package struct ObsCoreTable: Sendable {
    static let className = "lsst.daf.butler.registry.obscore._manager.ObsCoreLiveTableManager"
    static let shortClassName = "lsst.daf.butler.registry.obscore.ObsCoreLiveTableManager"
    static let version = SchemaVersion(0, 0, 1)
    static let attribute = "config:obscore.json"
    static let key = "registry_dataset_id"

    let configuration: ObsCoreConfiguration
    let spatial: [ObsCoreSpatial]
    package let specification: TableSpecification
    /// The columns that hold a dimension's value, by dimension.
    let dimensionColumns: [String: String]
    let templates: Templates

    /// The format strings, taken apart.
    struct Templates: Sendable {
        var publisher: ObsCoreTemplate?
        var types: [String: ForType] = [:]

        struct ForType: Sendable {
            var obsID: ObsCoreTemplate?
            var datalink: ObsCoreTemplate?
            var columns: [(name: String, value: Value)] = []
        }

        enum Value: Sendable {
            case constant(SQLValue)
            case template(ObsCoreTemplate, ObsCoreConfiguration.ExtraType)
        }
    }

    /// - Throws: ``RegistryError`` when a plug-in is unknown, a format string is wrong, or an index names no column.
    init(_ configuration: ObsCoreConfiguration) throws(RegistryError) {
        self.configuration = configuration
        spatial = try ObsCoreSpatial.all(configuration.plugIns)
        var columns = Self.standardColumns
        var names = Set(columns.map(\.name))
        var dimensions = ["instrument": "instrument_name"]
        for list in [configuration.extraColumns] + configuration.datasetTypes.map(\.rules.extraColumns) {
            for extra in list ?? [] where names.insert(extra.name).inserted {
                columns.append(ColumnSpecification(extra.name, extra.column.type, isNullable: true))
                if let dimension = extra.column.dimension { dimensions[dimension] = extra.name }
            }
        }
        for column in spatial.flatMap(\.columns) where names.insert(column.name).inserted { columns.append(column) }
        columns.append(ColumnSpecification(Self.key, .uuid))
        dimensionColumns = dimensions
        for index in configuration.indexes ?? [] {
            for column in index.columns where !names.contains(column) && column != Self.key {
                throw .badObsCore(reason: "Index '\(index.name)' names '\(column)', which is no column of the table.")
            }
        }
        specification = TableSpecification(
            configuration.tableName, columns: columns, primaryKey: [Self.key],
            foreignKeys: [.init([Self.key], references: "dataset", ["id"], deletesCascade: true)],
            indexes: (configuration.indexes ?? []).map(\.columns), spatialIndexes: spatial.flatMap(\.indexedColumns))
        var templates = Templates()
        templates.publisher = try Self.template(configuration.publisherFormat, "obs_publisher_did_fmt")
        for (name, rules) in configuration.datasetTypes.map({ ($0.name, $0.rules) }) {
            var type = Templates.ForType()
            type.obsID = try Self.template(rules.obsIDFormat, "\(name).obs_id_fmt")
            type.datalink = try Self.template(rules.datalinkFormat, "\(name).datalink_url_fmt")
            // A type's own column takes the place of the one of all types.
            var merged = configuration.extraColumns ?? []
            for extra in rules.extraColumns ?? [] {
                if let place = merged.firstIndex(where: { $0.name == extra.name }) {
                    merged[place] = extra
                } else {
                    merged.append(extra)
                }
            }
            for extra in merged {
                switch extra.column {
                case .constant(let value): type.columns.append((extra.name, .constant(value)))
                case .template(let text, let kind, _, _):
                    let template = try Self.template(text, "extra_columns.\(extra.name)")
                    if let template { type.columns.append((extra.name, .template(template, kind))) }
                }
            }
            templates.types[name] = type
        }
        self.templates = templates
    }

    private static func template(_ text: String?, _ key: String) throws(RegistryError) -> ObsCoreTemplate? {
        guard let text, !text.isEmpty || key.hasPrefix("extra") else { return nil }
        do {
            return try ObsCoreTemplate(text)
        } catch {
            throw .badObsCore(reason: "The format '\(text)' of '\(key)' cannot be used: \(error.reason).")
        }
    }

    private static let standardColumns: [ColumnSpecification] = {
        let short = ColumnType.string(length: 255)
        let columns: [(String, ColumnType)] = [
            ("dataproduct_type", short), ("dataproduct_subtype", short), ("facility_name", short),
            ("calib_level", .smallInt), ("target_name", short), ("obs_id", short), ("obs_collection", short),
            ("obs_publisher_did", short), ("access_url", .string(length: 65535)), ("access_format", short),
            ("s_resolution", .double), ("s_xel1", .int32), ("s_xel2", .int32), ("t_xel", .int32), ("t_min", .double),
            ("t_max", .double), ("t_exptime", .double), ("t_resolution", .double), ("em_xel", .int32),
            ("em_min", .double), ("em_max", .double), ("em_res_power", .double), ("em_filter_name", short),
            ("o_ucd", short), ("pol_xel", .int32), ("instrument_name", short),
        ]
        return columns.map { ColumnSpecification($0.0, $0.1, isNullable: true) }
    }()
}

extension ObsCoreConfiguration.ExtraColumn {
    var type: ColumnType {
        switch self {
        case .constant(.bool): .bool
        case .constant(.int): .int
        case .constant(.double): .double
        case .constant: .string(length: 255)
        case .template(_, let type, let length, _):
            switch type {
            case .bool: .bool
            case .int: .int
            case .float: .double
            case .string: length.map { .string(length: Int($0)) } ?? .unlimitedString
            }
        }
    }

    /// The dimension that is all of the template.
    var dimension: String? {
        guard case .template(let text, _, _, _) = self, let match = text.wholeMatch(of: /\{(\w+)\}/) else { return nil }
        return String(match.1)
    }
}
