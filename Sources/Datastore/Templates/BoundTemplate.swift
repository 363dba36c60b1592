import ButlerModel
import ByteText

/// A template for datasets of one type: what its fields mean for the type is looked up once, not for each file. Of the two
/// dozen fields of the usual templates few are left.
struct BoundTemplate: Sendable {
    private enum Step: Sendable {
        /// What is the same for all datasets of the type.
        case text(String)
        case run(TemplateSyntax.Field)
        /// The value of a required dimension, by its place among the keys.
        case key(Int, TemplateSyntax.Field)
        /// What depends on the dataset.
        case other(TemplateSyntax.Field)
    }

    let template: FileTemplate
    private let values: TemplateValues
    /// Of the data IDs that the steps are for; `nil` for any.
    private let dimensions: DimensionGroup?
    private let steps: [Step]

    init(_ template: FileTemplate, _ type: DatasetType) {
        self.template = template
        let values = TemplateValues(type)
        self.values = values
        dimensions = type.dimensions
        var steps: [Step] = []
        var pending = ""
        for part in template.syntax.parts {
            switch part {
            case .text(let text): pending += text
            case .field(let field):
                if let text = Self.constant(field, values) {
                    pending += text
                    continue
                }
                let step = Self.step(field, type)
                if case .other = step {} else { pending += field.literal }
                if !pending.isEmpty { steps.append(.text(pending)) }
                pending = ""
                steps.append(step)
            }
        }
        if !pending.isEmpty { steps.append(.text(pending)) }
        self.steps = steps
    }

    /// Looks everything up for each dataset.
    init(unbound template: FileTemplate, _ type: DatasetType) {
        self.template = template
        values = TemplateValues(type)
        dimensions = nil
        steps = template.syntax.parts.map { part in
            switch part {
            case .text(let text): .text(text)
            case .field(let field): .other(field)
            }
        }
    }

    /// What a field and the text before it give for all datasets of a type; `nil` when that depends on the dataset, and when
    /// it cannot be formatted.
    private static func constant(_ field: TemplateSyntax.Field, _ values: TemplateValues) -> String? {
        var value: FormatValue?
        if let name = field.alternatives.first(where: { values.mayKnow($0.primary) }) {
            guard name.text == "datasetType" else { return nil }
            value = .string(values.parent)
        }
        var text = ""
        do throws(FormatProblem) {
            try FileTemplate.append(value, field, withLiteral: true, to: &text)
            return text
        } catch { return nil }
    }

    private static func step(_ field: TemplateSyntax.Field, _ type: DatasetType) -> Step {
        guard field.alternatives.count == 1, field.alternatives[0].attribute == nil else { return .other(field) }
        let name = field.alternatives[0].text
        if name == "run" { return .run(field) }
        guard !TemplateValues.isReserved(name), let slot = type.dimensions.requiredNames.firstIndex(of: name) else {
            return .other(field)
        }
        return .key(slot, field)
    }

    /// As ``FileTemplate/path(for:)``, for datasets of the type.
    func path(for ref: DatasetRef) throws(DatastoreError) -> String {
        if let dimensions, ref.dataID.group != dimensions {
            return try BoundTemplate(unbound: template, ref.datasetType).path(for: ref)
        }
        var output = ""
        output.reserveCapacity(160)
        var usedComponent = false
        for step in steps {
            let current: TemplateSyntax.Field
            do throws(FormatProblem) {
                switch step {
                case .text(let text):
                    output += text
                    continue
                case .run(let field):
                    current = field
                    try FileTemplate.append(.string(ref.run), field, withLiteral: false, to: &output)
                case .key(let slot, let field):
                    current = field
                    try FileTemplate.append(FormatValue(ref.dataID.values[slot]), field, withLiteral: false, to: &output)
                case .other(let field):
                    current = field
                    let name = values.name(of: field, ref)
                    if name.text == "component" { usedComponent = true }
                    try FileTemplate.append(try values.value(of: name, ref), field, withLiteral: true, to: &output)
                }
            } catch let problem {
                throw template.failure("field '\(values.name(of: current, ref).text)' \(problem.reason)", ref)
            }
        }
        if let component = values.component, !usedComponent {
            throw template.failure("it does not use the component '\(component)'; add {component}", ref)
        }
        return try template.finished(output, ref)
    }
}
