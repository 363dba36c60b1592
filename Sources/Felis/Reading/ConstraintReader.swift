import StructuredData

/// Reads constraints; `@type` says which keys one has.
struct ConstraintReader {
    let context: ReadingContext

    private static let typeNames = ["Check", "ForeignKey", "Unique"]
    private static let unique = FieldTable(
        "name", "@id=id", "description", "votable:utype=votable_utype", "@type=type", "deferrable", "initially",
        "columns")
    private static let check = FieldTable(
        "name", "@id=id", "description", "votable:utype=votable_utype", "@type=type", "deferrable", "initially",
        "expression")
    private static let foreignKey = FieldTable(
        "name", "@id=id", "description", "votable:utype=votable_utype", "@type=type", "deferrable", "initially",
        "columns",
        "referencedColumns=referenced_columns", "on_delete", "on_update")

    /// The keys of all constraints.
    static var allKeys: [String] { unique.keys + check.keys + foreignKey.keys }

    func constraint(_ node: YAMLNode) -> Constraint? {
        guard case .mapping(let entries) = node.content else {
            context.report(
                .modelType, "a constraint should be a mapping, found \(Scalars.kindName(node))", at: node.position)
            return nil
        }
        guard let type = type(Fields.entries(of: node, in: context) ?? entries, at: node.position) else { return nil }
        return context.inside(.key(type)) {
            let keys = type == "Unique" ? Self.unique : type == "Check" ? Self.check : Self.foreignKey
            guard let fields = Fields(node, keys, className: "the \(type) constraint", in: context) else { return nil }
            let common = CommonFields(fields, generatedID: { "#\($0)" })
            let isDeferrable = fields.boolean(5) ?? false
            let initially = fields.choice(6, Constraint.Initially.self)
            if initially != nil, !isDeferrable {
                context.report(
                    .value, "'initially' can only be used if 'deferrable' is true", at: fields[6]?.position)
            }
            guard let content = content(type, fields), let name = common.name, let id = common.id else { return nil }
            var constraint = Constraint(name: name, id: id, content: content, position: node.position)
            constraint.description = common.description
            constraint.utype = common.utype
            constraint.isDeferrable = isDeferrable
            constraint.initially = initially
            return constraint
        }
    }

    private func content(_ type: String, _ fields: Fields) -> Constraint.Content? {
        switch type {
        case "Unique": return fields.texts(7, isRequired: true).map { .unique(columns: $0) }
        case "Check": return fields.requiredText(7).map { .check(expression: $0) }
        default:
            let columns = fields.texts(7, minimum: 1, isRequired: true)
            let referenced = fields.texts(8, minimum: 1, isRequired: true)
            let onDelete = fields.choice(9, Constraint.Action.self)
            let onUpdate = fields.choice(10, Constraint.Action.self)
            guard let columns, let referenced else { return nil }
            guard columns.count == referenced.count else {
                context.report(
                    .value,
                    "'columns' and 'referencedColumns' must have the same length, found \(columns.count) and "
                        + "\(referenced.count)",
                    at: fields.position)
                return nil
            }
            return .foreignKey(
                .init(columns: columns, referenced: referenced, onDelete: onDelete, onUpdate: onUpdate))
        }
    }

    private func type(_ entries: [YAMLNode.Entry], at position: TextPosition) -> String? {
        let named = entries.last { entry in
            if case .scalar(let key) = entry.key.content { key == "@type" || key == "type" } else { false }
        }
        guard let named else {
            context.report(
                .constraintTypeMissing, "a constraint needs an '@type'", at: position,
                remedy: "use one of \(Self.typeNames.joined(separator: ", "))")
            return nil
        }
        if case .scalar(let type) = named.value.content, Self.typeNames.contains(type) { return type }
        context.report(
            .constraintType, "\(Scalars.shown(named.value)) is not a type of constraint", at: named.value.position,
            remedy: "use one of \(Self.typeNames.joined(separator: ", "))"
                + " (a primary key is the 'primaryKey' of the table)")
        return nil
    }
}
