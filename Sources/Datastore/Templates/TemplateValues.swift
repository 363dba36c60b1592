import ButlerModel

/// What the fields of a template mean for one dataset.
struct TemplateValues {
    private let ref: DatasetRef
    private let parent: String
    let component: String?

    init(_ ref: DatasetRef) {
        self.ref = ref
        (parent, component) = ref.datasetType.nameAndComponent
    }

    func knows(_ name: String) -> Bool { field(name) != nil }

    private func field(_ name: String) -> FormatValue? {
        switch name {
        case "datasetType": .string(parent)
        case "component": component.map { .string($0) }
        case "run": .string(ref.run)
        case "id": .uuid(ref.id)
        case "skypix": skypix.flatMap { ref.dataID[$0] }.map { FormatValue($0) }
        default: ref.dataID[name].map { FormatValue($0) }
        }
    }

    /// The dimension that `skypix` stands for.
    private var skypix: String? { ref.datasetType.dimensions.onlySkypix }

    /// The value of a field; `nil` when there is none.
    func value(of name: TemplateSyntax.FieldName) throws(FormatProblem) -> FormatValue? {
        guard let attribute = name.attribute else { return field(name.text) }
        guard knows(name.primary) else { return nil }
        guard ref.dataID.isExpanded else {
            throw FormatProblem("needs dimension records, and the data ID has none; expand it or change the template")
        }
        let elementName = name.primary == "skypix" ? skypix ?? name.primary : name.primary
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
