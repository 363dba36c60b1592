import ButlerModel

/// What the fields of a template mean for one dataset.
struct TemplateValues {
    private let ref: DatasetRef
    private var fields: [String: FormatValue] = [:]
    /// The dimension that `skypix` stands for.
    private let skypix: String?
    let component: String?

    init(_ ref: DatasetRef) {
        self.ref = ref
        for (name, value) in ref.dataID.pairs { fields[name] = FormatValue(value) }
        skypix = ref.datasetType.dimensions.onlySkypix
        if let skypix, let value = fields[skypix] { fields["skypix"] = value }
        let (parent, component) = ref.datasetType.nameAndComponent
        self.component = component
        fields["datasetType"] = .string(parent)
        if let component { fields["component"] = .string(component) }
        fields["run"] = .string(ref.run)
        fields["id"] = .uuid(ref.id)
    }

    func knows(_ name: String) -> Bool { fields[name] != nil }

    /// The value of a field; `nil` when there is none.
    mutating func value(of name: TemplateSyntax.FieldName) throws(FormatProblem) -> FormatValue? {
        guard let attribute = name.attribute else { return fields[name.text] }
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
