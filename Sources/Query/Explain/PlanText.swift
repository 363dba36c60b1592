import ButlerModel
import QueryModel

extension LogicalPlan: CustomStringConvertible {
    /// The plan in words, a line a step.
    var description: String {
        var lines = operands.map { "join \($0)" }
        if operands.isEmpty { lines.append("no tables: one row") }
        if keepsJoinOrder { lines.append("join in this order") }
        for (position, element) in derivedKeys.sorted(by: { $0.key < $1.key }) {
            lines.append("\(joinDimensions.universe.elements[position].name) from records of \(element) in memory")
        }
        lines.append("where \(predicate)")
        switch uniqueness {
        case .given: break
        case .distinct: lines.append("distinct \(keyList)")
        case .grouped(let keys):
            lines.append("one row for each \(keys.map { text(of: $0) }.joined(separator: ", "))")
        }
        if let findFirst {
            let path = findFirst.search.collections.map(\.name).joined(separator: ", ")
            lines.append("first '\(findFirst.search.name)' of \(path), by \(findFirst.method)")
        }
        for filter in filters { lines.append("keep rows where \(filter)") }
        if checksValidityRanges { lines.append("fail where several validity ranges match") }
        if !order.isEmpty { lines.append("order by \(order.map(\.description).joined(separator: ", "))") }
        if let limit = effectiveLimit { lines.append("at most \(limit) rows\(isFiltered ? ", after the filters" : "")") }
        for search in doomed { lines.append("nothing can be found: no collection is left to search for '\(search.name)'") }
        return lines.joined(separator: "\n")
    }

    private var keyList: String { columns.dimensions.keyNames.joined(separator: ", ") }

    private func text(of key: GroupKey) -> String {
        switch key {
        case .dimension(let position): joinDimensions.universe.elements[position].name
        case .collection(let type): "\(type) collection"
        case .timespan(let type): "\(type) validity range"
        case .datasetID(let type): "\(type) dataset"
        }
    }
}

extension LogicalPlan.FindFirst.Method: CustomStringConvertible {
    var description: String {
        switch self {
        case .window: "ranking all rows of a data ID"
        case .noEarlier: "looking that no earlier collection has one"
        }
    }
}

extension JoinOperand: CustomStringConvertible {
    var description: String {
        switch self {
        case .overlap(let overlap): return "\(overlap)"
        case .upload(let group, _): return "uploaded data IDs of \(group)"
        case .materialized(let rows): return "materialized rows of \(rows.dimensions)"
        case .datasets(let operand):
            let path = operand.search.collections.map(\.name).joined(separator: ", ")
            let fields = operand.fields.isEmpty ? "" : " for \(operand.fields.sorted().map(\.rawValue).joined(separator: ", "))"
            let left = operand.search.messages.count
            return "datasets '\(operand.search.name)' in [\(path)]\(fields)"
                + (operand.isFirstOnly ? ", only where no earlier collection has one" : "")
                + (operand.part == .firstAndOthers ? ", those of the first collection before the others" : "")
                + (operand.followsOrder ? ", along an index in the order of the result where that pays" : "")
                + (operand.mayRepeat ? ", repeating those in several collections" : "")
                + (operand.search.visibleRuns.map { operand.search.isRunSearch ? "" : ", only of \($0.count) visible runs" } ?? "")
                + (left > 0 ? " (summaries rule out \(left) more)" : "")
        case .element(let element, let columns):
            let fields = columns.sorted().map { element.columns[$0].name }
            return "records of \(element)" + (fields.isEmpty ? " for keys" : " for \(fields.joined(separator: ", "))")
        }
    }
}

extension SpatialOverlap: CustomStringConvertible {
    var description: String {
        switch self {
        case .pixelsOfConstraint(let element, let pixels, _, _):
            "the \(element) data IDs that touch \(pixels.ranges.count) ranges of pixels around the given region"
        case .commonPixels(let a, let b, _, _): "pairs of \(a) and \(b) that touch a common pixel"
        case .pixels(let element, _): "the pixels that each \(element) touches"
        }
    }
}

extension PlannedFilter: CustomStringConvertible {
    var description: String {
        switch self {
        case .overlap(let a, let b): "the regions of \(a) and \(b) overlap exactly"
        case .overlapText(_, let a, let b): "some pair of regions of \(a) and \(b) overlaps exactly"
        case .within(let element, _, let isUnion):
            isUnion ? "some region of \(element) overlaps the given region exactly"
                : "the region of \(element) overlaps the given region exactly"
        }
    }
}
