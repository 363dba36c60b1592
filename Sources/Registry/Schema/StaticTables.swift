import ButlerModel
import Database

/// The tables that every registry has, in an order in which each comes after those it refers to.
extension RegistrySchema {
    var staticTables: [TableSpecification] {
        [attributes] + dimensionTables + [
            dimensionGraphKey, dimensionGraphDefinition, collection, run, collectionChain, datasetType, dataset,
            collectionSummaryDatasetType,
        ] + governors.map(collectionSummary) + [opaqueMeta, datasetLocation, datasetLocationTrash]
    }

    var governors: [DimensionElement] { universe.governors.map { universe.elements[$0] } }

    var attributes: TableSpecification {
        var table = TableBuilder("butler_attributes")
        table.key("name", .text)
        table.column("value", .text)
        return table.table
    }

    var dimensionGraphKey: TableSpecification {
        var table = TableBuilder("dimension_graph_key")
        table.key("id", .autoincrement)
        return table.table
    }

    var dimensionGraphDefinition: TableSpecification {
        var table = TableBuilder("dimension_graph_definition")
        table.key("dimension_graph_id", .int)
        table.key("dimension_name", .text)
        table.reference("dimension_graph_key", ["dimension_graph_id"], ["id"], cascades: true)
        return table.table
    }

    var collection: TableSpecification {
        var table = TableBuilder("collection")
        table.key("collection_id", .autoincrement)
        table.column("name", .text)
        table.column("type", .smallInt)
        table.column("doc", .text, isNullable: true)
        table.unique(["name"])
        return table.table
    }

    var run: TableSpecification {
        var table = TableBuilder("run")
        table.key("collection_id", .int)
        table.column("host", .text, isNullable: true)
        table.column("timespan", .timespan, isNullable: true)
        table.reference("collection", ["collection_id"], ["collection_id"], cascades: true)
        return table.table
    }

    var collectionChain: TableSpecification {
        var table = TableBuilder("collection_chain")
        table.key("parent", .int)
        table.key("position", .smallInt)
        table.column("child", .int)
        table.reference("collection", ["parent"], ["collection_id"], cascades: true)
        table.reference("collection", ["child"], ["collection_id"])
        return table.table
    }

    var datasetType: TableSpecification {
        var table = TableBuilder("dataset_type")
        table.key("id", .autoincrement)
        table.column("name", .text)
        table.column("storage_class", .text)
        table.column("dimensions_key", .int)
        table.column("tag_association_table", .text)
        table.column("calibration_association_table", .text, isNullable: true)
        table.unique(["name"])
        return table.table
    }

    var dataset: TableSpecification {
        var table = TableBuilder("dataset")
        table.key("id", .uuid)
        table.column("dataset_type_id", .int)
        table.column("ingest_date", storesIngestDateAsText ? .text : .int)
        table.column("run_id", .int)
        table.reference("dataset_type", ["dataset_type_id"], ["id"])
        table.reference("run", ["run_id"], ["collection_id"], cascades: true)
        return table.table
    }

    var collectionSummaryDatasetType: TableSpecification {
        var table = TableBuilder("collection_summary_dataset_type")
        table.key("collection_id", .int)
        table.reference("collection", ["collection_id"], ["collection_id"], cascades: true)
        table.key("dataset_type_id", .int)
        table.reference("dataset_type", ["dataset_type_id"], ["id"], cascades: true)
        return table.table
    }

    func collectionSummary(_ governor: DimensionElement) -> TableSpecification {
        var table = TableBuilder(Self.summaryTable(governor))
        table.key("collection_id", .int)
        table.reference("collection", ["collection_id"], ["collection_id"], cascades: true)
        table.dimension(dimensionColumn(governor), isKey: true)
        return table.table
    }

    /// Written by the datastore; made with the rest.
    var opaqueMeta: TableSpecification {
        var table = TableBuilder("opaque_meta")
        table.key("table_name", .text)
        return table.table
    }

    var datasetLocation: TableSpecification {
        var table = TableBuilder("dataset_location")
        table.key("datastore_name", .text)
        table.key("dataset_id", .uuid)
        table.reference("dataset", ["dataset_id"], ["id"])
        return table.table
    }

    var datasetLocationTrash: TableSpecification {
        var table = TableBuilder("dataset_location_trash")
        table.key("dataset_id", .uuid)
        table.key("datastore_name", .text)
        return table.table
    }
}
