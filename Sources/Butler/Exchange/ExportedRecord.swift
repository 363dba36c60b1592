import AstroTime
import ButlerModel

/// A dimension record out of an export file, in the columns of a repository's universe.
struct ExportedRecord {
    let record: DimensionRecord
    /// Names of the file that the universe has no column for.
    let ignored: [String]

    /// - Throws: `ButlerError` of kind `malformedModel` for values of the wrong type and keys without a value.
    init(_ fields: [String: ColumnValue], _ element: DimensionElement) throws {
        var named: [String: ColumnValue] = [:]
        var ignored: [String] = []
        for (name, value) in fields {
            if element.isTemporal, name == "datetime_begin" || name == "datetime_end" { continue }
            if element.columnIndex(name) != nil { named[name] = value } else { ignored.append(name) }
        }
        if element.isTemporal, named["timespan"] == nil, let begin = fields["datetime_begin"],
            let end = fields["datetime_end"]
        {
            named["timespan"] = .timespan(
                try Timespan(begin: try Self.time(begin, element), end: try Self.time(end, element)))
        }
        record = try DimensionRecord(element, named)
        self.ignored = ignored.sorted()
    }

    private static func time(_ value: ColumnValue, _ element: DimensionElement) throws -> TAINanoseconds? {
        switch value {
        case .null: nil
        case .datetime(let time): time
        default:
            throw ButlerError(.malformedModel, "A begin or end in a record of '\(element.name)' is no time.")
        }
    }
}
