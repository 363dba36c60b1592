import ButlerModel
import Database

/// The tables that hold the datasets of all dataset types with the same dimensions.
extension RegistrySchema {
    /// Membership in RUN and TAGGED collections.
    func tags(_ name: String, _ group: DimensionGroup) -> TableSpecification {
        var table = association(name, group, isTags: true)
        table.unique(["dataset_type_id", "collection_id"] + group.requiredNames)
        return table.table
    }

    /// Validity ranges in CALIBRATION collections.
    func calibs(_ name: String, _ group: DimensionGroup) -> TableSpecification {
        var table = association(name, group, isTags: false)
        table.index(["dataset_type_id", "collection_id"] + group.requiredNames + ["timespan"])
        table.column("timespan", .timespan, defaultValue: .timespan(.unbounded))
        return table.table
    }

    private func association(_ name: String, _ group: DimensionGroup, isTags: Bool) -> TableBuilder {
        var table = TableBuilder(name)
        if !isTags { table.key("id", .autoincrement) }
        table.column("dataset_type_id", .int)
        table.reference("dataset_type", ["dataset_type_id"], ["id"])
        if isTags { table.key("dataset_id", .uuid) } else { table.column("dataset_id", .uuid) }
        table.reference("dataset", ["dataset_id"], ["id"], cascades: true)
        if isTags { table.key("collection_id", .int) } else { table.column("collection_id", .int) }
        table.reference("collection", ["collection_id"], ["collection_id"], cascades: true)
        let summaryKey = ["collection_id", "dataset_type_id"]
        table.reference("collection_summary_dataset_type", summaryKey, summaryKey)
        for position in group.required {
            let dimension = universe.elements[position]
            table.dimension(dimensionColumn(dimension), isKey: false)
            if dimension.isGovernor {
                let key = ["collection_id", dimension.name]
                table.reference(Self.summaryTable(dimension), key, key)
            }
        }
        return table
    }
}
