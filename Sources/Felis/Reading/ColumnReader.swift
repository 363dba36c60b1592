import StructuredData

/// Reads columns and checks each by itself.
struct ColumnReader {
    let context: ReadingContext

    static let keys = FieldTable(
        "name", "@id=id", "description", "votable:utype=votable_utype", "datatype", "length", "precision", "nullable",
        "value", "autoincrement", "ivoa:ucd=ivoa_ucd", "fits:tunit=fits_tunit", "ivoa:unit=ivoa_unit",
        "tap:column_index=tap_column_index", "tap:principal=tap_principal", "votable:arraysize=votable_arraysize",
        "tap:std=tap_std", "votable:xtype=votable_xtype", "votable:datatype=votable_datatype",
        "mysql:datatype=mysql_datatype", "postgresql:datatype=postgresql_datatype")

    /// The column; `nil` without a name or datatype. `fields` reports what is wrong in any case.
    ///
    /// - Parameter tableName: for the ids of columns without one; `nil` for columns that have to have one.
    func column(_ node: YAMLNode, tableName: String?) -> Column? {
        guard let fields = Fields(node, Self.keys, className: "the column", in: context) else { return nil }
        let common = CommonFields(fields, generatedID: tableName.map { table in { "#\(table).\($0)" } })
        let datatype = Self.datatype(fields, 4)
        var column = Column(name: common.name ?? "", id: common.id ?? "", datatype: datatype ?? .int)
        column.position = node.position
        column.description = common.description
        column.utype = common.utype
        column.length = fields.integer(5, in: 1...Int.max)
        column.precision = fields.integer(6, in: 0...Int.max)
        column.isNullable = fields.boolean(7) ?? true
        column.value = value(fields)
        if fields.present(9) != nil { column.autoincrement = fields.boolean(9) }
        column.ucd = UCDCheck.read(fields, 10)
        column.fitsUnit = fields.text(11)
        column.ivoaUnit = fields.text(12)
        column.columnIndex = fields.integer(13)
        column.principal = fields.has(14) ? fields.integer(14, in: 0...1) : 0
        column.standard = fields.has(16) ? fields.integer(16, in: 0...1) : 0
        column.votableDatatype = fields.text(18)
        column.mysqlDatatype = fields.text(19)
        column.postgresqlDatatype = fields.text(20)
        column.arraysize = arraysize(fields, datatype: datatype, length: column.length)
        column.xtype = fields.has(17) ? fields.text(17) : datatype == .timestamp ? "timestamp" : nil
        guard let datatype else { return common.name == nil ? nil : column }
        checkLength(fields, column)
        checkUnits(fields, column)
        DefaultValueCheck.run(fields, slot: 8, column)
        if column.precision != nil, datatype != .timestamp {
            context.report(
                .value, "precision is only for timestamp columns, this one is of type \(datatype.rawValue)",
                at: fields[6]?.position)
        }
        if context.options.checks.contains(.redundantDatatypes) {
            RedundantDatatypeCheck.run(fields, mysqlSlot: 19, postgresqlSlot: 20, column)
        }
        return column
    }

    /// The datatype in a slot; an absent one and a wrong one are reported.
    static func datatype(_ fields: Fields, _ slot: Int) -> Datatype? {
        guard let node = fields[slot] else {
            fields.reportMissing(slot)
            return nil
        }
        return fields.inside(slot) {
            if case .scalar(let text) = node.content, node.tag == YAMLTag.string,
                let datatype = Datatype(rawValue: text)
            {
                return datatype
            }
            var remedy = "use one of \(Datatype.allCases.map(\.rawValue).joined(separator: ", "))"
            if case .scalar(let text) = node.content, node.tag == YAMLTag.string {
                let lowered = text.lowercased()
                let synonyms = [
                    "integer": "int", "bool": "boolean", "varchar": "string", "bigint": "long", "real": "float",
                ]
                let near = synonyms[lowered] ?? Suggestion.nearest(to: text, in: Datatype.allCases.map(\.rawValue))
                if let near { remedy = "did you mean '\(near)'?" }
            }
            fields.context.report(.value, "\(Scalars.shown(node)) is not a datatype", at: node.position, remedy: remedy)
            return nil
        }
    }

    private func value(_ fields: Fields) -> DefaultValue? {
        guard let node = fields.present(8) else { return nil }
        return fields.inside(8) {
            switch (node.tag, Scalars.value(node)) {
            case (YAMLTag.string, .string(let text)): return .string(Scalars.trimmed(text))
            case (YAMLTag.int, .int(let number)): return .int(number)
            case (YAMLTag.int, .float):
                context.report(.value, "the integer has more than 64 bits", at: node.position)
                return nil
            case (YAMLTag.float, .float(let number)): return .float(number)
            case (YAMLTag.bool, .bool(let flag)): return .bool(flag)
            default:
                if let text = Scalars.binaryText(node) { return .string(text) }
                context.report(
                    .stringType, "should be a text, a number or a boolean, found \(Scalars.kindName(node))",
                    at: node.position, remedy: node.tag == YAMLTag.timestamp ? "put dates in quotes" : nil)
                return nil
            }
        }
    }

    private func arraysize(_ fields: Fields, datatype: Datatype?, length: Int?) -> String? {
        guard let node = fields[15] else {
            return datatype?.defaultArraysize(length: length, isUnbounded: context.options.isUnbounded)
        }
        if fields.hasOtherName(15), datatype?.defaultArraysize(length: length) != nil { fields.reportOtherName(15) }
        if node.tag == YAMLTag.null { return nil }
        return fields.inside(15) {
            if let number = Self.number(node) {
                context.warn(
                    .noEffect, "an integer as votable:arraysize is deprecated", at: node.position,
                    remedy: "put it in quotes: \"\(number)\"")
                return number
            }
            return Scalars.text(node, in: context)
        }
    }

    /// The text that the real tool makes of an arraysize that is no text: of integers, flags and whole numbers.
    private static func number(_ node: YAMLNode) -> String? {
        switch (node.tag, Scalars.value(node)) {
        case (YAMLTag.int, .int(let number)): String(number)
        case (YAMLTag.int, .float): wholeDigits(node)
        case (YAMLTag.bool, .bool(let flag)): flag ? "True" : "False"
        case (YAMLTag.float, .float(let number)): Int(exactly: number).map { String($0) }
        default: nil
        }
    }

    /// The digits of an integer of more than 64 bits that is written in decimal.
    private static func wholeDigits(_ node: YAMLNode) -> String? {
        guard case .scalar(let text) = node.content, text.first.map({ ("1"..."9").contains($0) }) ?? false,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return text
    }

    private func checkLength(_ fields: Fields, _ column: Column) {
        let name = column.datatype.rawValue
        if column.datatype.isSized {
            // A length that is wrong has been reported already.
            if let node = fields.present(5) {
                // The array size is derived before a text could become a number.
                if node.tag == YAMLTag.string, fields[15] == nil, column.length != nil {
                    context.report(
                        .intType, "the length of a sized type should be an integer, found \(Scalars.kindName(node))",
                        at: node.position, below: [.key("length")])
                }
                return
            }
            context.report(
                .value, "a length must be provided for type '\(name)' in column '\(column.id)'", at: column.position,
                remedy: "add 'length'")
        } else if fields.present(5) != nil {
            context.warn(
                .noEffect,
                "the datatype '\(name)' does not support a length; it has no effect in column '\(column.id)'",
                at: fields[5]?.position)
        }
    }

    private func checkUnits(_ fields: Fields, _ column: Column) {
        let hasFITS = !(column.fitsUnit ?? "").isEmpty
        let hasIVOA = !(column.ivoaUnit ?? "").isEmpty
        if hasFITS, hasIVOA {
            context.report(
                .value, "a column cannot have both a FITS unit and an IVOA unit", at: fields[12]?.position,
                remedy: "remove 'fits:tunit' or 'ivoa:unit'")
        }
        for (slot, unit) in [(11, column.fitsUnit), (12, column.ivoaUnit)] {
            guard let unit, !unit.isEmpty, let problem = context.problem(ofUnit: unit) else { continue }
            context.report(
                .value, "invalid unit '\(unit)': \(problem.message)", at: fields[slot]?.position, remedy: problem.remedy
            )
        }
    }
}

/// Default values have to fit the datatype.
enum DefaultValueCheck {
    static func run(_ fields: Fields, slot: Int, _ column: Column) {
        guard let value = column.value else { return }
        if column.autoincrement == true {
            fields.context.report(
                .value, "a column cannot have both a default value and be autoincremented", at: fields[slot]?.position)
        }
        guard let wanted = wanted(column.datatype, value) else { return }
        fields.context.report(
            .value, "the default value of a column of type '\(column.datatype.rawValue)' must be \(wanted)",
            at: fields[slot]?.position)
    }

    /// What the value should be, if it is not.
    private static func wanted(_ datatype: Datatype, _ value: DefaultValue) -> String? {
        switch datatype {
        case .byte, .short, .int, .long:
            switch value {
            case .int, .bool: nil
            default: "an integer"
            }
        case .float, .double: if case .float = value { nil } else { "a decimal number, such as 1.0" }
        case .char, .string, .unicode, .text:
            if case .string(let text) = value { text.isEmpty ? "a non-empty text" : nil } else { "a text" }
        case .boolean: if case .bool = value { nil } else { "true or false" }
        case .binary, .timestamp: nil
        }
    }
}
