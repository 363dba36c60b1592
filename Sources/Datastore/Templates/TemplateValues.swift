import ButlerModel

/// What the fields of a template mean for datasets of one type.
struct TemplateValues: Sendable {
    let parent: String
    let component: String?
    private let dimensions: DimensionGroup

    init(_ type: DatasetType) {
        (parent, component) = type.nameAndComponent
        dimensions = type.dimensions
    }

    /// Whether a name means something else than a dimension.
    static func isReserved(_ name: String) -> Bool {
        ["datasetType", "component", "run", "id", "skypix"].contains(name)
    }

    /// Whether a dataset of the type can have something of this name.
    func mayKnow(_ name: String) -> Bool {
        switch name {
        case "datasetType", "run", "id": true
        case "component": component != nil
        case "skypix": dimensions.onlySkypix != nil
        default: dimensions.requiredNames.contains(name) || dimensions.impliedNames.contains(name)
        }
    }

    /// The name of a field that counts for a dataset.
    func name(of field: TemplateSyntax.Field, _ ref: DatasetRef) -> TemplateSyntax.FieldName {
        guard field.alternatives.count > 1 else { return field.alternatives[0] }
        return field.alternatives.first { knows($0.primary, of: ref) } ?? field.alternatives[0]
    }

    func knows(_ name: String, of ref: DatasetRef) -> Bool { field(name, of: ref) != nil }

    private func field(_ name: String, of ref: DatasetRef) -> FormatValue? {
        switch name {
        case "datasetType": .string(parent)
        case "component": component.map { .string($0) }
        case "run": .string(ref.run)
        case "id": .uuid(ref.id)
        case "skypix": ref.datasetType.dimensions.onlySkypix.flatMap { ref.dataID[$0] }.map { FormatValue($0) }
        default: ref.dataID[name].map { FormatValue($0) }
        }
    }

    /// The value of a field for a dataset; `nil` when there is none.
    func value(of name: TemplateSyntax.FieldName, _ ref: DatasetRef) throws(FormatProblem) -> FormatValue? {
        guard let attribute = name.attribute else { return field(name.text, of: ref) }
        guard knows(name.primary, of: ref) else { return nil }
        guard ref.dataID.isExpanded else {
            throw FormatProblem("needs dimension records, and the data ID has none; expand it or change the template")
        }
        let elementName =
            name.primary == "skypix" ? ref.datasetType.dimensions.onlySkypix ?? name.primary : name.primary
        guard let element = ref.dataID.group.universe.element(elementName) else {
            throw FormatProblem("asks for an attribute of something that is no dimension")
        }
        // In Python a record knows its key by the column's name only (`visit.id`, not `visit.visit`).
        guard let record = ref.dataID.record(of: element),
            let column = element.columns.firstIndex(where: { $0.name == attribute })
        else { return nil }
        return try FormatValue(record.values[column])
    }
}

extension DimensionGroup {
    /// The sky pixelization of this group; `nil` when there is none or more than one.
    var onlySkypix: String? {
        let names = names.filter { universe.element($0)?.skypix != nil }
        return names.count == 1 ? names[0] : nil
    }
}
