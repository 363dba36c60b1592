import ButlerModel
import Database

/// What to do about a dimension record whose key exists already.
public enum RecordConflictPolicy: Sendable {
    /// Fail, and undo everything.
    case fail
    /// Keep the old record, without looking at what it holds.
    case skip
    /// Put the new record in its place.
    case replace
}

/// Insertion of dimension records: the one writer of the dimension tables. Source: repository format reference,
/// section 7.2.
extension RegistryWriter {
    /// Inserts records of any elements, dependencies first, with the rows that place them on the sky. Records of
    /// implied unions (`band`) come into being with those that imply them.
    ///
    /// Cost: one statement a record, and one a sky pixel that its region touches.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` that names the record whose key or alternate key exists
    ///   already, that refers to a record which does not exist or has a text that the table does not take, and for
    ///   elements that hold no records of their own.
    public func insert(_ records: [DimensionRecord], onConflict policy: RecordConflictPolicy = .fail) throws {
        guard !records.isEmpty else { return }
        let byElement = Dictionary(grouping: records, by: \.element.position).sorted { $0.key < $1.key }
        try atomically {
            for (position, group) in byElement {
                guard let element = universe.element(group[0].element.name), element.position == position,
                    group.allSatisfy({ $0.element === element || $0.element.isAlike(element) })
                else {
                    throw ButlerError(
                        .conflictingDefinition,
                        "Records of '\(group[0].element.name)' are of another universe than the repository.")
                }
                try requireTable(element)
                try insert(group, of: element, policy)
            }
            if byElement.contains(where: { universe.elements[$0.key].isCached }) { try refresh() }
        }
    }

    /// Refuses elements whose records follow from other things.
    func requireTable(_ element: DimensionElement) throws {
        guard element.hasOwnTable else {
            throw ButlerError(
                .conflictingDefinition,
                "Records of '\(element.name)' follow from other things and cannot be inserted.")
        }
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
        let statement = try SQL.insert(into: table, columns: table.columns.map(\.name), onConflict: rule)
        try namingTheCulprit(in: records, of: table) { records in
            try connection.executeMany(statement, rows: records.lazy.map { $0.values.map(\.sqlValue) })
        }
        if element.isGovernor { try announce(element, records) }
        if element.isSpatial { try place(element, records, policy) }
    }

    // MARK: Violations

    /// Writes records; where a rule of the table forbids it, finds out by writing them singly which one it is about.
    func namingTheCulprit(
        in records: [DimensionRecord], of table: TableSpecification, _ write: ([DimensionRecord]) throws -> Void
    ) throws {
        do {
            try connection.savepoint { try write(records) }
        } catch DatabaseError.constraintViolation(let first) {
            for record in records {
                do {
                    try connection.savepoint { try write([record]) }
                } catch DatabaseError.constraintViolation(let violation) {
                    throw ButlerError(.conflictingDefinition, try describe(violation, of: record, in: table))
                }
            }
            throw DatabaseError.constraintViolation(first)
        }
    }

    private func describe(
        _ violation: ConstraintViolation, of record: DimensionRecord, in table: TableSpecification
    ) throws -> String {
        let name = "The '\(record.element.name)' record \(key(of: record))"
        switch violation.kind {
        case .foreignKey:
            let missing = try table.foreignKeys.first { try !exists($0, record, in: table) }
            guard let missing else { return "\(name) refers to a record that does not exist; insert that first." }
            let values = missing.columns.map { "\($0)=\(text(of: record, column: $0, in: table))" }
            return "\(name) refers to \(values.joined(separator: ", ")), for which '\(missing.table)' has no record; "
                + "insert that first."
        case .unique, .primaryKey:
            return "\(name) has the key or an alternate key of a record that exists already; replace or skip that, or "
                + "correct the record."
        case .check:
            return "\(name) has a text that is empty or too long for its column."
        case .notNull, .other:
            return "\(name) was refused: \(violation.description)"
        }
    }

    private func exists(
        _ key: ForeignKeySpecification, _ record: DimensionRecord, in table: TableSpecification
    ) throws -> Bool {
        var tests: [SQL] = []
        for (source, target) in zip(key.columns, key.targetColumns) {
            guard let index = table.columns.firstIndex(where: { $0.name == source }) else { return true }
            tests.append("\(column: target) = \(value: record.values[index].sqlValue)")
        }
        return try connection.fetchOne("SELECT 1 FROM \(table: key.table) WHERE \(SQL.all(tests))") { _ in true }
            ?? false
    }

    private func text(of record: DimensionRecord, column: String, in table: TableSpecification) -> String {
        table.columns.firstIndex { $0.name == column }
            .flatMap { record.values[$0].dataIDValue?.quotedDescription } ?? "NULL"
    }

    /// The values that identify a record, as Python prints a data ID.
    func key(of record: DimensionRecord) -> String {
        "{"
            + zip(record.element.required, record.requiredValues)
            .map { "\(universe.elements[$0].name): \($1.quotedDescription)" }.joined(separator: ", ") + "}"
    }
}
