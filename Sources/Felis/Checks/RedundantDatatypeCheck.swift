/// Finds overrides of datatypes that give the type which the column has anyway.
enum RedundantDatatypeCheck {
    static func run(_ fields: Fields, mysqlSlot: Int, postgresqlSlot: Int, _ column: Column) {
        check(fields, mysqlSlot, column, column.mysqlDatatype, .mysql)
        check(fields, postgresqlSlot, column, column.postgresqlDatatype, .postgresql)
    }

    private static func check(_ fields: Fields, _ slot: Int, _ column: Column, _ override: String?, _ dialect: Dialect)
    {
        guard let override, !override.isEmpty else { return }
        let position = fields[slot]?.position
        do throws(DialectType.Failure) {
            guard let type = try DialectType.checked(override, in: dialect, length: column.length) else { return }
            let standard = dialect.typeName(column.datatype, length: column.length)
            guard try type.definition() == standard else { return }
            let length = column.length.map { " with length \($0)" } ?? ""
            fields.context.report(
                .value,
                "'\(dialect.rawValue)_datatype: \(override)' is a redundant override of 'datatype: "
                    + "\(column.datatype.rawValue)' in column '\(column.id)'\(length)",
                at: position, remedy: "remove '\(dialect.rawValue):datatype'")
        } catch {
            fields.context.report(.value, error.description, at: position)
        }
    }
}
