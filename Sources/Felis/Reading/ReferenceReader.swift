import StructuredData

/// Reads the `columnRefs` of a table.
struct ReferenceReader {
    let context: ReadingContext

    private static let keys = FieldTable("ref_name", "overrides")
    private static let overrideKeys = FieldTable(
        "datatype", "length", "description", "nullable", "tap:principal=tap_principal",
        "tap:column_index=tap_column_index")

    func references(_ node: YAMLNode) -> [ColumnReference] {
        var references: [ColumnReference] = []
        NamedEntries.forEach(node, in: context) { resource, entry in
            NamedEntries.forEach(entry.value, in: context) { table, entry in
                NamedEntries.forEach(entry.value, in: context) { name, entry in
                    var reference = ColumnReference(
                        resource: resource, table: table, name: name, position: entry.key.position)
                    if entry.value.tag != YAMLTag.null { readDetails(entry.value, into: &reference) }
                    references.append(reference)
                }
            }
        }
        return references
    }

    private func readDetails(_ node: YAMLNode, into reference: inout ColumnReference) {
        guard let fields = Fields(node, Self.keys, className: "the column reference", allowsUnknown: true, in: context)
        else { return }
        reference.hasDetails = true
        reference.referencedName = fields.text(0)
        guard let overrides = fields.present(1) else { return }
        reference.overrides = fields.inside(1) { self.overrides(overrides) }
    }

    private func overrides(_ node: YAMLNode) -> ColumnOverrides? {
        guard let fields = Fields(node, Self.overrideKeys, className: "the overrides", in: context) else { return nil }
        var result = ColumnOverrides()
        for slot in [0, 1, 3] where fields.has(slot) && fields.present(slot) == nil {
            context.report(
                .value, "'\(Self.overrideKeys.keys[slot])' cannot be overridden to null", at: fields[slot]?.position)
        }
        if fields.present(0) != nil { result.datatype = ColumnReader.datatype(fields, 0) }
        result.length = fields.integer(1)
        if fields.has(2) { result.description = .some(fields.text(2)) }
        if fields.present(3) != nil { result.isNullable = fields.boolean(3) }
        if fields.has(4) { result.principal = .some(fields.integer(4)) }
        if fields.has(5) { result.columnIndex = .some(fields.integer(5)) }
        return result
    }
}
