import AstroTime

@testable import Database

/// The tables of a new repository with the dimensions of universe 8 (repository format reference, sections 2.3 to 2.6 and 3).
enum RepositoryTables {
    static let all: [TableSpecification] = [
        TableSpecification(
            "butler_attributes", columns: [.init("name", .text), .init("value", .text)], primaryKey: ["name"]),
        TableSpecification(
            "instrument",
            columns: [
                .init("name", .string(length: 32)), .init("visit_max", .int, isNullable: true),
                .init("visit_system", .int, isNullable: true), .init("exposure_max", .int, isNullable: true),
                .init("detector_max", .int, isNullable: true), .init("class_name", .text, isNullable: true),
            ], primaryKey: ["name"]),
        TableSpecification(
            "skymap",
            columns: [
                .init("name", .text), .init("hash", .bytes, isNullable: true),
                .init("tract_max", .int, isNullable: true), .init("patch_nx_max", .int, isNullable: true),
                .init("patch_ny_max", .int, isNullable: true),
            ], primaryKey: ["name"], unique: [["hash"]]),
        TableSpecification("ssp_hypothesis_table", columns: [.init("name", .text)], primaryKey: ["name"]),
        TableSpecification(
            "day_obs",
            columns: [
                .init("instrument", .string(length: 32)), .init("id", .int),
                .init("timespan", .timespan, isNullable: true),
            ], primaryKey: ["instrument", "id"],
            foreignKeys: [.init(["instrument"], references: "instrument", ["name"])]),
        TableSpecification(
            "detector",
            columns: [
                .init("instrument", .string(length: 32)), .init("id", .int),
                .init("full_name", .string(length: 32), isNullable: true),
                .init("name_in_raft", .string(length: 32), isNullable: true),
                .init("raft", .string(length: 32), isNullable: true),
                .init("purpose", .string(length: 32), isNullable: true),
            ], primaryKey: ["instrument", "id"], unique: [["instrument", "full_name"]],
            foreignKeys: [.init(["instrument"], references: "instrument", ["name"])]),
        TableSpecification(
            "group", columns: [.init("instrument", .string(length: 32)), .init("name", .text)],
            primaryKey: ["instrument", "name"], foreignKeys: [.init(["instrument"], references: "instrument", ["name"])]
        ),
        TableSpecification(
            "physical_filter",
            columns: [
                .init("instrument", .string(length: 32)), .init("name", .string(length: 32)),
                .init("band", .string(length: 32)),
            ], primaryKey: ["instrument", "name"],
            foreignKeys: [.init(["instrument"], references: "instrument", ["name"])]),
        TableSpecification(
            "ssp_balanced_index", columns: [.init("ssp_hypothesis_table", .text), .init("id", .int)],
            primaryKey: ["ssp_hypothesis_table", "id"],
            foreignKeys: [.init(["ssp_hypothesis_table"], references: "ssp_hypothesis_table", ["name"])]),
        TableSpecification(
            "ssp_hypothesis_bundle", columns: [.init("ssp_hypothesis_table", .text), .init("id", .int)],
            primaryKey: ["ssp_hypothesis_table", "id"],
            foreignKeys: [.init(["ssp_hypothesis_table"], references: "ssp_hypothesis_table", ["name"])]),
        TableSpecification(
            "subfilter", columns: [.init("band", .string(length: 32)), .init("id", .int)], primaryKey: ["band", "id"]),
        TableSpecification(
            "tract", columns: [.init("skymap", .text), .init("id", .int), .init("region", .bytes, isNullable: true)],
            primaryKey: ["skymap", "id"], foreignKeys: [.init(["skymap"], references: "skymap", ["name"])]),
        TableSpecification(
            "tract_skypix_overlap_summary",
            columns: [
                .init("skypix_system", .string(length: 16)), .init("skypix_level", .smallInt), .init("skymap", .text),
            ], primaryKey: ["skypix_system", "skypix_level", "skymap"],
            foreignKeys: [.init(["skymap"], references: "skymap", ["name"])]),
        TableSpecification(
            "tract_skypix_overlap",
            columns: [
                .init("skypix_system", .string(length: 16)), .init("skypix_level", .smallInt), .init("skymap", .text),
                .init("tract", .int), .init("skypix_index", .int),
            ], primaryKey: ["skypix_system", "skypix_level", "skymap", "tract", "skypix_index"],
            foreignKeys: [
                .init(
                    ["skypix_system", "skypix_level", "skymap"], references: "tract_skypix_overlap_summary",
                    ["skypix_system", "skypix_level", "skymap"], deletesCascade: true),
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["skymap", "tract"], references: "tract", ["skymap", "id"]),
            ], indexes: [["skypix_system", "skypix_level", "skypix_index", "skymap", "tract"]]),
        TableSpecification(
            "visit_system",
            columns: [
                .init("instrument", .string(length: 32)), .init("id", .int),
                .init("name", .string(length: 32), isNullable: true),
            ], primaryKey: ["instrument", "id"], unique: [["instrument", "name"]],
            foreignKeys: [.init(["instrument"], references: "instrument", ["name"])]),
        TableSpecification(
            "exposure",
            columns: [
                .init("instrument", .string(length: 32)), .init("id", .int), .init("day_obs", .int),
                .init("group", .text), .init("physical_filter", .string(length: 32)),
                .init("obs_id", .text, isNullable: true), .init("exposure_time", .double, isNullable: true),
                .init("dark_time", .double, isNullable: true),
                .init("observation_type", .string(length: 16), isNullable: true),
                .init("observation_reason", .text, isNullable: true), .init("seq_num", .int, isNullable: true),
                .init("seq_start", .int, isNullable: true), .init("seq_end", .int, isNullable: true),
                .init("target_name", .text, isNullable: true), .init("science_program", .text, isNullable: true),
                .init("tracking_ra", .double, isNullable: true), .init("tracking_dec", .double, isNullable: true),
                .init("sky_angle", .double, isNullable: true), .init("azimuth", .double, isNullable: true),
                .init("zenith_angle", .double, isNullable: true), .init("has_simulated", .bool, isNullable: true),
                .init("can_see_sky", .bool, isNullable: true), .init("timespan", .timespan, isNullable: true),
            ], primaryKey: ["instrument", "id"], unique: [["instrument", "obs_id"]],
            foreignKeys: [
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["instrument", "day_obs"], references: "day_obs", ["instrument", "id"]),
                .init(["instrument", "group"], references: "group", ["instrument", "name"]),
                .init(["instrument", "physical_filter"], references: "physical_filter", ["instrument", "name"]),
            ]),
        TableSpecification(
            "patch",
            columns: [
                .init("skymap", .text), .init("tract", .int), .init("id", .int),
                .init("cell_x", .int, isNullable: true), .init("cell_y", .int, isNullable: true),
                .init("region", .bytes, isNullable: true),
            ], primaryKey: ["skymap", "tract", "id"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["skymap", "tract"], references: "tract", ["skymap", "id"]),
            ]),
        TableSpecification(
            "patch_skypix_overlap_summary",
            columns: [
                .init("skypix_system", .string(length: 16)), .init("skypix_level", .smallInt), .init("skymap", .text),
            ], primaryKey: ["skypix_system", "skypix_level", "skymap"],
            foreignKeys: [.init(["skymap"], references: "skymap", ["name"])]),
        TableSpecification(
            "patch_skypix_overlap",
            columns: [
                .init("skypix_system", .string(length: 16)), .init("skypix_level", .smallInt), .init("skymap", .text),
                .init("tract", .int), .init("patch", .int), .init("skypix_index", .int),
            ], primaryKey: ["skypix_system", "skypix_level", "skymap", "tract", "patch", "skypix_index"],
            foreignKeys: [
                .init(
                    ["skypix_system", "skypix_level", "skymap"], references: "patch_skypix_overlap_summary",
                    ["skypix_system", "skypix_level", "skymap"], deletesCascade: true),
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["skymap", "tract"], references: "tract", ["skymap", "id"]),
                .init(["skymap", "tract", "patch"], references: "patch", ["skymap", "tract", "id"]),
            ], indexes: [["skypix_system", "skypix_level", "skypix_index", "skymap", "tract", "patch"]]),
        TableSpecification(
            "visit",
            columns: [
                .init("instrument", .string(length: 32)), .init("id", .int), .init("day_obs", .int),
                .init("physical_filter", .string(length: 32)), .init("name", .text, isNullable: true),
                .init("seq_num", .int, isNullable: true), .init("exposure_time", .double, isNullable: true),
                .init("target_name", .text, isNullable: true), .init("observation_reason", .text, isNullable: true),
                .init("science_program", .text, isNullable: true), .init("azimuth", .double, isNullable: true),
                .init("zenith_angle", .double, isNullable: true), .init("region", .bytes, isNullable: true),
                .init("timespan", .timespan, isNullable: true),
            ], primaryKey: ["instrument", "id"], unique: [["instrument", "name"]],
            foreignKeys: [
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["instrument", "day_obs"], references: "day_obs", ["instrument", "id"]),
                .init(["instrument", "physical_filter"], references: "physical_filter", ["instrument", "name"]),
            ]),
        TableSpecification(
            "visit_skypix_overlap_summary",
            columns: [
                .init("skypix_system", .string(length: 16)), .init("skypix_level", .smallInt),
                .init("instrument", .string(length: 32)),
            ], primaryKey: ["skypix_system", "skypix_level", "instrument"],
            foreignKeys: [.init(["instrument"], references: "instrument", ["name"])]),
        TableSpecification(
            "visit_skypix_overlap",
            columns: [
                .init("skypix_system", .string(length: 16)), .init("skypix_level", .smallInt),
                .init("instrument", .string(length: 32)), .init("visit", .int), .init("skypix_index", .int),
            ], primaryKey: ["skypix_system", "skypix_level", "instrument", "visit", "skypix_index"],
            foreignKeys: [
                .init(
                    ["skypix_system", "skypix_level", "instrument"], references: "visit_skypix_overlap_summary",
                    ["skypix_system", "skypix_level", "instrument"], deletesCascade: true),
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ], indexes: [["skypix_system", "skypix_level", "skypix_index", "instrument", "visit"]]),
        TableSpecification(
            "visit_definition",
            columns: [.init("instrument", .string(length: 32)), .init("exposure", .int), .init("visit", .int)],
            primaryKey: ["instrument", "exposure", "visit"],
            foreignKeys: [
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["instrument", "exposure"], references: "exposure", ["instrument", "id"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ]),
        TableSpecification(
            "visit_detector_region",
            columns: [
                .init("instrument", .string(length: 32)), .init("detector", .int), .init("visit", .int),
                .init("region", .bytes, isNullable: true),
            ], primaryKey: ["instrument", "detector", "visit"],
            foreignKeys: [
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["instrument", "detector"], references: "detector", ["instrument", "id"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ]),
        TableSpecification(
            "visit_detector_region_skypix_overlap_summary",
            columns: [
                .init("skypix_system", .string(length: 16)), .init("skypix_level", .smallInt),
                .init("instrument", .string(length: 32)),
            ], primaryKey: ["skypix_system", "skypix_level", "instrument"],
            foreignKeys: [.init(["instrument"], references: "instrument", ["name"])]),
        TableSpecification(
            "visit_detector_region_skypix_overlap",
            columns: [
                .init("skypix_system", .string(length: 16)), .init("skypix_level", .smallInt),
                .init("instrument", .string(length: 32)), .init("detector", .int), .init("visit", .int),
                .init("skypix_index", .int),
            ], primaryKey: ["skypix_system", "skypix_level", "instrument", "detector", "visit", "skypix_index"],
            foreignKeys: [
                .init(
                    ["skypix_system", "skypix_level", "instrument"],
                    references: "visit_detector_region_skypix_overlap_summary",
                    ["skypix_system", "skypix_level", "instrument"], deletesCascade: true),
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["instrument", "detector"], references: "detector", ["instrument", "id"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ], indexes: [["skypix_system", "skypix_level", "skypix_index", "instrument", "detector", "visit"]]),
        TableSpecification(
            "visit_system_membership",
            columns: [.init("instrument", .string(length: 32)), .init("visit_system", .int), .init("visit", .int)],
            primaryKey: ["instrument", "visit_system", "visit"],
            foreignKeys: [
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["instrument", "visit_system"], references: "visit_system", ["instrument", "id"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ]),
        TableSpecification(
            "patch_visit_detector_region_overlap_summary",
            columns: [.init("skymap", .text), .init("instrument", .string(length: 32))],
            primaryKey: ["skymap", "instrument"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["instrument"], references: "instrument", ["name"]),
            ]),
        TableSpecification(
            "patch_visit_detector_region_overlap",
            columns: [
                .init("skymap", .text), .init("instrument", .string(length: 32)), .init("tract", .int),
                .init("patch", .int), .init("detector", .int), .init("visit", .int),
            ], primaryKey: ["skymap", "instrument", "tract", "patch", "detector", "visit"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["skymap", "tract"], references: "tract", ["skymap", "id"]),
                .init(["skymap", "tract", "patch"], references: "patch", ["skymap", "tract", "id"]),
                .init(["instrument", "detector"], references: "detector", ["instrument", "id"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ]),
        TableSpecification(
            "patch_visit_overlap_summary", columns: [.init("skymap", .text), .init("instrument", .string(length: 32))],
            primaryKey: ["skymap", "instrument"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["instrument"], references: "instrument", ["name"]),
            ]),
        TableSpecification(
            "patch_visit_overlap",
            columns: [
                .init("skymap", .text), .init("instrument", .string(length: 32)), .init("tract", .int),
                .init("patch", .int), .init("visit", .int),
            ], primaryKey: ["skymap", "instrument", "tract", "patch", "visit"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["skymap", "tract"], references: "tract", ["skymap", "id"]),
                .init(["skymap", "tract", "patch"], references: "patch", ["skymap", "tract", "id"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ]),
        TableSpecification(
            "tract_visit_detector_region_overlap_summary",
            columns: [.init("skymap", .text), .init("instrument", .string(length: 32))],
            primaryKey: ["skymap", "instrument"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["instrument"], references: "instrument", ["name"]),
            ]),
        TableSpecification(
            "tract_visit_detector_region_overlap",
            columns: [
                .init("skymap", .text), .init("instrument", .string(length: 32)), .init("tract", .int),
                .init("detector", .int), .init("visit", .int),
            ], primaryKey: ["skymap", "instrument", "tract", "detector", "visit"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["skymap", "tract"], references: "tract", ["skymap", "id"]),
                .init(["instrument", "detector"], references: "detector", ["instrument", "id"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ]),
        TableSpecification(
            "tract_visit_overlap_summary", columns: [.init("skymap", .text), .init("instrument", .string(length: 32))],
            primaryKey: ["skymap", "instrument"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["instrument"], references: "instrument", ["name"]),
            ]),
        TableSpecification(
            "tract_visit_overlap",
            columns: [
                .init("skymap", .text), .init("instrument", .string(length: 32)), .init("tract", .int),
                .init("visit", .int),
            ], primaryKey: ["skymap", "instrument", "tract", "visit"],
            foreignKeys: [
                .init(["skymap"], references: "skymap", ["name"]),
                .init(["instrument"], references: "instrument", ["name"]),
                .init(["skymap", "tract"], references: "tract", ["skymap", "id"]),
                .init(["instrument", "visit"], references: "visit", ["instrument", "id"]),
            ]),
        TableSpecification("dimension_graph_key", columns: [.init("id", .autoincrement)], primaryKey: ["id"]),
        TableSpecification(
            "dimension_graph_definition", columns: [.init("dimension_graph_id", .int), .init("dimension_name", .text)],
            primaryKey: ["dimension_graph_id", "dimension_name"],
            foreignKeys: [
                .init(["dimension_graph_id"], references: "dimension_graph_key", ["id"], deletesCascade: true)
            ]),
        TableSpecification(
            "collection",
            columns: [
                .init("collection_id", .autoincrement), .init("name", .text), .init("type", .smallInt),
                .init("doc", .text, isNullable: true),
            ], primaryKey: ["collection_id"], unique: [["name"]]),
        TableSpecification(
            "run",
            columns: [
                .init("collection_id", .int), .init("host", .text, isNullable: true),
                .init("timespan", .timespan, isNullable: true),
            ], primaryKey: ["collection_id"],
            foreignKeys: [.init(["collection_id"], references: "collection", ["collection_id"], deletesCascade: true)]),
        TableSpecification(
            "collection_chain", columns: [.init("parent", .int), .init("position", .smallInt), .init("child", .int)],
            primaryKey: ["parent", "position"],
            foreignKeys: [
                .init(["parent"], references: "collection", ["collection_id"], deletesCascade: true),
                .init(["child"], references: "collection", ["collection_id"]),
            ]),
        TableSpecification(
            "dataset_type",
            columns: [
                .init("id", .autoincrement), .init("name", .text), .init("storage_class", .text),
                .init("dimensions_key", .int), .init("tag_association_table", .text),
                .init("calibration_association_table", .text, isNullable: true),
            ], primaryKey: ["id"], unique: [["name"]]),
        TableSpecification(
            "dataset",
            columns: [
                .init("id", .uuid), .init("dataset_type_id", .int), .init("ingest_date", .int), .init("run_id", .int),
            ], primaryKey: ["id"],
            foreignKeys: [
                .init(["dataset_type_id"], references: "dataset_type", ["id"]),
                .init(["run_id"], references: "run", ["collection_id"], deletesCascade: true),
            ]),
        TableSpecification(
            "collection_summary_dataset_type", columns: [.init("collection_id", .int), .init("dataset_type_id", .int)],
            primaryKey: ["collection_id", "dataset_type_id"],
            foreignKeys: [
                .init(["collection_id"], references: "collection", ["collection_id"], deletesCascade: true),
                .init(["dataset_type_id"], references: "dataset_type", ["id"], deletesCascade: true),
            ]),
        TableSpecification(
            "collection_summary_instrument",
            columns: [.init("collection_id", .int), .init("instrument", .string(length: 32))],
            primaryKey: ["collection_id", "instrument"],
            foreignKeys: [
                .init(["collection_id"], references: "collection", ["collection_id"], deletesCascade: true),
                .init(["instrument"], references: "instrument", ["name"]),
            ]),
        TableSpecification(
            "collection_summary_skymap", columns: [.init("collection_id", .int), .init("skymap", .text)],
            primaryKey: ["collection_id", "skymap"],
            foreignKeys: [
                .init(["collection_id"], references: "collection", ["collection_id"], deletesCascade: true),
                .init(["skymap"], references: "skymap", ["name"]),
            ]),
        TableSpecification("opaque_meta", columns: [.init("table_name", .text)], primaryKey: ["table_name"]),
        TableSpecification(
            "dataset_location", columns: [.init("datastore_name", .text), .init("dataset_id", .uuid)],
            primaryKey: ["datastore_name", "dataset_id"],
            foreignKeys: [.init(["dataset_id"], references: "dataset", ["id"])]),
        TableSpecification(
            "dataset_location_trash", columns: [.init("dataset_id", .uuid), .init("datastore_name", .text)],
            primaryKey: ["dataset_id", "datastore_name"]),
    ]

    /// The tables that datasets and their files add: two dimension groups, and the datastore's records.
    static let dynamic: [TableSpecification] = [
        TableSpecification(
            "file_datastore_records",
            columns: [
                .init("dataset_id", .uuid), .init("path", .text), .init("formatter", .text),
                .init("storage_class", .text), .init("component", .string(length: 32)),
                .init("checksum", .text, isNullable: true), .init("file_size", .int, isNullable: true),
            ], primaryKey: ["dataset_id", "component"], indexes: [["path"]]),
        TableSpecification(
            "dataset_tags_00000001",
            columns: [
                .init("dataset_type_id", .int), .init("dataset_id", .uuid), .init("collection_id", .int),
                .init("instrument", .string(length: 32)), .init("detector", .int),
                .init("physical_filter", .string(length: 32)),
            ], primaryKey: ["dataset_id", "collection_id"],
            unique: [["dataset_type_id", "collection_id", "instrument", "detector", "physical_filter"]],
            foreignKeys: [
                .init(["dataset_type_id"], references: "dataset_type", ["id"]),
                .init(["dataset_id"], references: "dataset", ["id"], deletesCascade: true),
                .init(["collection_id"], references: "collection", ["collection_id"], deletesCascade: true),
                .init(
                    ["collection_id", "dataset_type_id"], references: "collection_summary_dataset_type",
                    ["collection_id", "dataset_type_id"]), .init(["instrument"], references: "instrument", ["name"]),
                .init(
                    ["collection_id", "instrument"], references: "collection_summary_instrument",
                    ["collection_id", "instrument"]),
                .init(["instrument", "detector"], references: "detector", ["instrument", "id"]),
                .init(["instrument", "physical_filter"], references: "physical_filter", ["instrument", "name"]),
            ]),
        TableSpecification(
            "dataset_calibs_00000001",
            columns: [
                .init("id", .autoincrement), .init("dataset_type_id", .int), .init("dataset_id", .uuid),
                .init("collection_id", .int), .init("instrument", .string(length: 32)), .init("detector", .int),
                .init("physical_filter", .string(length: 32)),
                .init("timespan", .timespan, defaultValue: .timespan(.unbounded)),
            ], primaryKey: ["id"],
            foreignKeys: [
                .init(["dataset_type_id"], references: "dataset_type", ["id"]),
                .init(["dataset_id"], references: "dataset", ["id"], deletesCascade: true),
                .init(["collection_id"], references: "collection", ["collection_id"], deletesCascade: true),
                .init(
                    ["collection_id", "dataset_type_id"], references: "collection_summary_dataset_type",
                    ["collection_id", "dataset_type_id"]), .init(["instrument"], references: "instrument", ["name"]),
                .init(
                    ["collection_id", "instrument"], references: "collection_summary_instrument",
                    ["collection_id", "instrument"]),
                .init(["instrument", "detector"], references: "detector", ["instrument", "id"]),
                .init(["instrument", "physical_filter"], references: "physical_filter", ["instrument", "name"]),
            ], indexes: [["dataset_type_id", "collection_id", "instrument", "detector", "physical_filter", "timespan"]]),
        TableSpecification(
            "dataset_tags_00000002",
            columns: [
                .init("dataset_type_id", .int), .init("dataset_id", .uuid), .init("collection_id", .int),
                .init("instrument", .string(length: 32)), .init("detector", .int),
            ], primaryKey: ["dataset_id", "collection_id"],
            unique: [["dataset_type_id", "collection_id", "instrument", "detector"]],
            foreignKeys: [
                .init(["dataset_type_id"], references: "dataset_type", ["id"]),
                .init(["dataset_id"], references: "dataset", ["id"], deletesCascade: true),
                .init(["collection_id"], references: "collection", ["collection_id"], deletesCascade: true),
                .init(
                    ["collection_id", "dataset_type_id"], references: "collection_summary_dataset_type",
                    ["collection_id", "dataset_type_id"]), .init(["instrument"], references: "instrument", ["name"]),
                .init(
                    ["collection_id", "instrument"], references: "collection_summary_instrument",
                    ["collection_id", "instrument"]),
                .init(["instrument", "detector"], references: "detector", ["instrument", "id"]),
            ]),
        TableSpecification(
            "dataset_calibs_00000002",
            columns: [
                .init("id", .autoincrement), .init("dataset_type_id", .int), .init("dataset_id", .uuid),
                .init("collection_id", .int), .init("instrument", .string(length: 32)), .init("detector", .int),
                .init("timespan", .timespan, defaultValue: .timespan(.unbounded)),
            ], primaryKey: ["id"],
            foreignKeys: [
                .init(["dataset_type_id"], references: "dataset_type", ["id"]),
                .init(["dataset_id"], references: "dataset", ["id"], deletesCascade: true),
                .init(["collection_id"], references: "collection", ["collection_id"], deletesCascade: true),
                .init(
                    ["collection_id", "dataset_type_id"], references: "collection_summary_dataset_type",
                    ["collection_id", "dataset_type_id"]), .init(["instrument"], references: "instrument", ["name"]),
                .init(
                    ["collection_id", "instrument"], references: "collection_summary_instrument",
                    ["collection_id", "instrument"]),
                .init(["instrument", "detector"], references: "detector", ["instrument", "id"]),
            ], indexes: [["dataset_type_id", "collection_id", "instrument", "detector", "timespan"]]),
    ]
}
