import StructuredData

/// Turns the nodes of a file into a schema whose references are still to be resolved. It goes on after errors, so that
/// all of them are found; what it returns then is as much of the schema as can be made out.
struct SchemaReader {
    let context: ReadingContext

    static let keys = FieldTable(
        "name", "@id=id", "description", "votable:utype=votable_utype", "version", "resources", "tables")

    func schema(_ root: YAMLNode?) -> Schema? {
        guard let root else {
            context.report(
                .unreadable, "the file is empty", at: TextPosition(line: 1, column: 1),
                remedy: "write a mapping with 'name' and 'tables'")
            return nil
        }
        guard case .mapping = root.content else {
            context.report(
                .unreadable, "a schema should be a mapping, found \(Scalars.kindName(root))", at: root.position,
                remedy: "write a mapping with 'name' and 'tables'")
            return nil
        }
        guard let fields = Fields(root, Self.keys, className: "the schema", in: context) else { return nil }
        let common = CommonFields(fields, generatedID: { "#\($0)" })
        var schema = Schema(name: common.name ?? "", id: common.id ?? "")
        schema.description = common.description
        schema.utype = common.utype
        schema.position = root.position
        schema.version = version(fields)
        schema.resources = resources(fields)
        if fields.has(6) {
            let reader = TableReader(context: context)
            fields.forEach(6) { node in
                if let table = reader.table(node) { schema.tables.append(table) }
            }
        } else {
            fields.reportMissing(6)
        }
        return schema
    }

    // MARK: Version

    private static let versionKeys = FieldTable("current", "compatible", "read_compatible")

    private func version(_ fields: Fields) -> Schema.Version? {
        guard let node = fields.present(4) else { return nil }
        return fields.inside(4) {
            switch node.content {
            case .scalar: return Scalars.text(node, in: context).map { .text($0) }
            case .sequence:
                context.report(.stringType, "should be a text or a mapping, found a list", at: node.position)
                return nil
            case .mapping:
                guard
                    let fields = Fields(
                        node, Self.versionKeys, className: "the version", allowsUnknown: true, in: context)
                else { return nil }
                let current = fields.requiredText(0)
                let compatible = fields.has(1) ? fields.texts(1, isRequired: true) : []
                let readCompatible = fields.has(2) ? fields.texts(2, isRequired: true) : []
                guard let current, let compatible, let readCompatible else { return nil }
                return .detailed(current: current, compatible: compatible, readCompatible: readCompatible)
            }
        }
    }

    // MARK: Resources

    private static let resourceKeys = FieldTable("uri")

    private func resources(_ fields: Fields) -> [Schema.Resource] {
        guard let node = fields[5] else { return [] }
        return fields.inside(5) {
            var resources: [Schema.Resource] = []
            NamedEntries.forEach(node, in: context) { alias, entry in
                guard
                    let fields = Fields(
                        entry.value, Self.resourceKeys, className: "the resource", allowsUnknown: true, in: context),
                    let uri = fields.requiredText(0)
                else { return }
                resources.append(Schema.Resource(alias: alias, uri: uri, position: entry.key.position))
            }
            return resources
        }
    }
}

/// Mappings whose keys are names.
enum NamedEntries {
    /// Calls `body` with each entry, inside its path. The last of several entries with one name counts.
    static func forEach(_ node: YAMLNode, in context: ReadingContext, _ body: (String, YAMLNode.Entry) -> Void) {
        guard let entries = Fields.entries(of: node, in: context) else {
            context.report(.mappingType, "should be a mapping, found \(Scalars.kindName(node))", at: node.position)
            return
        }
        var last: [String: Int] = [:]
        var names: [String] = []
        for (index, entry) in entries.enumerated() {
            guard case .scalar(let name) = entry.key.content, entry.key.tag == YAMLTag.string else {
                context.report(
                    .stringType, "a key should be a text, found \(Scalars.kindName(entry.key))",
                    at: entry.key.position)
                continue
            }
            if last.updateValue(index, forKey: name) == nil { names.append(name) }
        }
        for name in names {
            guard let index = last[name] else { continue }
            context.inside(.key(name)) { body(Scalars.trimmed(name), entries[index]) }
        }
    }
}

/// The keys that all objects have: the first four of every table of keys.
struct CommonFields {
    var name: String?
    var id: String?
    var description: String?
    var utype: String?

    /// - Parameter generatedID: the id of an object without one, made of its name; `nil` for objects that get none.
    init(_ fields: Fields, generatedID: ((String) -> String)?) {
        let context = fields.context
        name = fields.requiredText(0)
        if fields.has(1) {
            // Objects that get an id get it under the key's first name, beside which there may be no other.
            if generatedID != nil, context.options.generatesIDs, fields.hasOtherName(1) { fields.reportOtherName(1) }
            id = fields.requiredText(1)
        } else if let generatedID, context.options.generatesIDs {
            id = context.generatedID(of: fields.position, name.map(generatedID))
        } else {
            fields.reportMissing(1)
        }
        description = fields.text(2)
        utype = fields.text(3)
        if context.options.checks.contains(.description), description?.isEmpty ?? true {
            context.report(
                .value, "a description is required and must not be empty", at: fields[2]?.position ?? fields.position)
        }
    }
}
