import ButlerModel
import Database

/// The tables of dimension records and of their places on the sky.
extension RegistrySchema {
    var dimensionTables: [TableSpecification] {
        var tables: [TableSpecification] = []
        for element in universe.elements where element.hasOwnTable {
            tables.append(elementTable(element))
            if element.isSpatial, let governor = governor(of: element) {
                tables.append(overlapSummary(element, governor))
                tables.append(overlap(element, governor))
            }
        }
        return tables + legacyOverlapTables
    }

    func elementTable(_ element: DimensionElement) -> TableSpecification {
        var table = TableBuilder(element.name)
        for column in element.columns {
            switch column.role {
            case .required(let position):
                if position == element.position {
                    table.key(column.name, Self.columnType(column.type))
                } else {
                    table.dimension(dimensionColumn(universe.elements[position]), isKey: true)
                }
            case .implied(let position):
                table.dimension(dimensionColumn(universe.elements[position]), isKey: false)
            case .alternateKey:
                table.column(column.name, Self.columnType(column.type), isNullable: true)
                let others = element.required.dropLast().map { universe.elements[$0].name }
                table.unique(others + [column.name])
            case .metadata, .region, .timespan:
                table.column(column.name, Self.columnType(column.type), isNullable: true)
            }
        }
        return table.table
    }

    func overlapSummary(_ element: DimensionElement, _ governor: DimensionElement) -> TableSpecification {
        var table = TableBuilder(Self.overlapSummaryTable(element))
        table.key("skypix_system", .string(length: 16))
        table.key("skypix_level", .smallInt)
        table.dimension(dimensionColumn(governor), isKey: true)
        return table.table
    }

    func overlap(_ element: DimensionElement, _ governor: DimensionElement) -> TableSpecification {
        var table = TableBuilder(Self.overlapTable(element))
        table.key("skypix_system", .string(length: 16))
        table.key("skypix_level", .smallInt)
        let summaryKey = ["skypix_system", "skypix_level", governor.name]
        table.reference(Self.overlapSummaryTable(element), summaryKey, summaryKey, cascades: true)
        let required = element.required.map { universe.elements[$0] }
        for dimension in required { table.dimension(dimensionColumn(dimension), isKey: true) }
        table.key("skypix_index", .int)
        table.index(["skypix_system", "skypix_level", "skypix_index"] + required.map(\.name))
        return table.table
    }

    /// Tables for overlaps of pairs of elements. Nothing fills them, but older clients expect them.
    private var legacyOverlapTables: [TableSpecification] {
        let families = universe.configuration.spatialFamilies.map { family in
            family.members.compactMap { universe.element($0) }
        }
        .sorted { a, b in
            (a.map(\.position).min() ?? 0) < (b.map(\.position).min() ?? 0)
        }
        var tables: [TableSpecification] = []
        for (index, family) in families.enumerated() {
            for other in families.dropFirst(index + 1) {
                for left in family {
                    for right in other {
                        tables += legacyOverlap(left, right)
                    }
                }
            }
        }
        return tables
    }

    private func legacyOverlap(_ left: DimensionElement, _ right: DimensionElement) -> [TableSpecification] {
        let (first, second) = left.position < right.position ? (left, right) : (right, left)
        guard let firstGovernor = governor(of: first), let secondGovernor = governor(of: second) else { return [] }
        var summary = TableBuilder("\(first.name)_\(second.name)_overlap_summary")
        var overlap = TableBuilder("\(first.name)_\(second.name)_overlap")
        for governor in [firstGovernor, secondGovernor] {
            summary.dimension(dimensionColumn(governor), isKey: true)
            overlap.dimension(dimensionColumn(governor), isKey: true)
        }
        for (element, governor) in [(first, firstGovernor), (second, secondGovernor)] {
            for position in element.required where position != governor.position {
                overlap.dimension(dimensionColumn(universe.elements[position]), isKey: true)
            }
        }
        return [summary.table, overlap.table]
    }
}
