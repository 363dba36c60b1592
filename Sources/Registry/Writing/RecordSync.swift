import ButlerModel
import Database

/// What ``RegistryWriter/sync(_:updating:)`` did.
public enum RecordSync: Hashable, Sendable {
    /// There was no record of this key.
    case inserted
    /// There was one, with the same values.
    case unchanged
    /// There was one, with these other values, by column.
    case updated(replaced: [String: ColumnValue])
}

extension RegistryWriter {
    /// Makes sure that a dimension record exists with these values.
    ///
    /// - Parameter isUpdating: whether a record with the same key and other values is changed, rather than refused. Its
    ///   place on the sky follows a changed region.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` that names the columns that differ, or when an alternate
    ///   key or a reference forbids the record.
    @discardableResult
    public func sync(_ record: DimensionRecord, updating isUpdating: Bool = false) throws -> RecordSync {
        let element = record.element
        try requireTable(element)
        guard record.requiredValues.count == element.required.count else {
            throw ButlerError(.malformedModel, "A record of '\(element.name)' lacks a value of its key.")
        }
        guard let known = try snapshot.record(of: element, record.requiredValues) else {
            do {
                try insert([record])
            } catch let error as ButlerError where error.kind == .conflictingDefinition {
                // Another client may have been faster.
                guard try snapshot.record(of: element, record.requiredValues) != nil else { throw error }
                return try sync(record, updating: isUpdating)
            }
            return .inserted
        }
        var replaced: [String: ColumnValue] = [:]
        var assignments: [(column: String, value: SQLValue)] = []
        let table = schema.elementTable(element)
        for index in element.columns.indices.dropFirst(element.required.count) {
            let (old, new) = (known.values[index], record.values[index].asStored(in: element.columns[index]))
            guard old != new else { continue }
            replaced[element.columns[index].name] = old
            assignments.append((table.columns[index].name, new.sqlValue))
        }
        guard !replaced.isEmpty else { return .unchanged }
        guard isUpdating else {
            let differences = replaced.sorted { $0.key < $1.key }.map { name, old in
                "\(name) is \(old.briefDescription), not \((record[name] ?? .null).briefDescription)"
            }
            throw ButlerError(
                .conflictingDefinition,
                "The '\(element.name)' record \(key(of: record)) exists already with other values: "
                    + "\(differences.joined(separator: "; ")). Update it, or correct the values.")
        }
        try atomically {
            let tests = zip(table.primaryKey, record.requiredValues).map { name, value -> SQL in
                "\(column: name) = \(value: value.sqlValue)"
            }
            try namingTheCulprit(in: [record], of: table) { _ in
                try connection.execute(SQL.update(table, set: assignments, where: SQL.all(tests)))
            }
            if element.isSpatial, replaced["region"] != nil { try place(element, [record], .replace) }
            if element.isCached { try refresh() }
        }
        return .updated(replaced: replaced)
    }
}

extension ColumnValue {
    /// Whole numbers in columns of floats are floats.
    fileprivate func asStored(in column: ElementColumn) -> ColumnValue {
        if case (.int(let number), .float) = (self, column.type) { return .float(Double(number)) }
        return self
    }

    /// For messages.
    fileprivate var briefDescription: String {
        switch self {
        case .null: "not set"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .float(let value): String(value)
        case .string(let value): "'\(value)'"
        case .hash, .region: "other bytes"
        case .uuid(let id): id.description
        case .timespan(let span): span.description
        case .datetime(let time): time.description
        }
    }
}
