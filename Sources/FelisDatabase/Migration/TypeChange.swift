import Felis

/// A column gets another type: whether values survive that, and how PostgreSQL converts them.
struct TypeChange {
    /// Why values may be lost; `nil` if every value of the old type is one of the new.
    let loss: String?
    private let before: StoredType
    private let after: StoredType
    private let typeName: String

    /// - Parameters:
    ///   - oldType: the type in the database, as definitions have it.
    ///   - newType: what it becomes.
    init(from old: Column, _ oldType: String, to new: Column, _ newType: String, dialect: Dialect) {
        before = StoredType(oldType, dialect)
        after = StoredType(newType, dialect)
        typeName = newType
        guard oldType != newType else {
            loss = nil
            return
        }
        if dialect == .postgresql, Self.hasNoConversion(before, after) {
            loss = "there is no way from \(oldType) to \(newType), so all values become NULL"
            return
        }
        let override = dialect == .mysql ? \Column.mysqlDatatype : \Column.postgresqlDatatype
        // Datatypes say more than types do, unless an override stands for them.
        let isOverridden = old[keyPath: override] != nil || new[keyPath: override] != nil
        loss =
            before.loss(to: after).map { "\(oldType) to \(newType): \($0)" }
            ?? (isOverridden ? nil : Self.loss(from: old, to: new))
    }

    /// Why values may be lost, by the datatypes alone.
    static func loss(from old: Column, to new: Column) -> String? {
        if old.datatype == new.datatype {
            if let length = new.length, let before = old.length, length < before, old.datatype.isSized {
                return "values longer than \(length) are cut or refused"
            }
            if old.datatype == .timestamp, let digits = new.precision, digits < (old.precision ?? 6) {
                return "fractions of seconds are rounded"
            }
            return nil
        }
        let widenings: [Datatype: [Datatype]] = [
            .byte: [.short, .int, .long, .float, .double], .short: [.int, .long, .float, .double],
            .int: [.long, .double], .float: [.double], .char: [.string, .unicode, .text],
            .string: [.unicode, .text], .unicode: [.text],
        ]
        guard widenings[old.datatype]?.contains(new.datatype) ?? false else {
            return "not every \(old.datatype.rawValue) is a \(new.datatype.rawValue)"
        }
        if new.datatype.isSized, let length = new.length, let before = old.length, length < before {
            return "values longer than \(length) are cut or refused"
        }
        return nil
    }

    // MARK: PostgreSQL

    /// Source: the casts of `pg_cast` in PostgreSQL 15, and those through text.
    private static func hasNoConversion(_ before: StoredType, _ after: StoredType) -> Bool {
        switch (before, after) {
        case (.timestamp, .timestamp), (.timestamp, .date), (.date, .timestamp), (.date, .date): false
        case (.bytes, .bytes), (.bytes, .text), (.text, .bytes): false
        case (.other, _), (_, .other), (.text, _), (_, .text): false
        case (.timestamp, _), (_, .timestamp), (.date, _), (_, .date), (.bytes, _), (_, .bytes): true
        default: false
        }
    }

    /// The expression for the new value of a column, in PostgreSQL.
    func conversion(of column: String) -> String {
        if Self.hasNoConversion(before, after) { return "NULL::\(typeName)" }
        switch (before, after) {
        case (.boolean, .integer(32)): return "\(column)::\(typeName)"
        case (.boolean, .integer), (.boolean, .real), (.boolean, .decimal): return "\(column)::INTEGER::\(typeName)"
        case (.integer, .boolean), (.real, .boolean), (.decimal, .boolean): return "\(column) <> 0"
        case (.text, .bytes): return "convert_to(\(column)::TEXT, 'UTF8')"
        case (.bytes, .text): return "convert_from(\(column), 'UTF8')::\(typeName)"
        // All types can be written and read.
        case (.other, _), (_, .other): return "\(column)::TEXT::\(typeName)"
        default: return "\(column)::\(typeName)"
        }
    }
}
