import Felis

/// The tables of TAP_SCHEMA as TAP 1.1 (section 4) has them, and the rows by which they describe themselves.
enum TapSchemaStandard {
    struct Column {
        var name: String
        /// Characters; `nil` for integers.
        var width: Int?
        var isRequired = false
        /// The number of characters that TAP_SCHEMA says, which may be another.
        var describedWidth: Int?
        var index: Int
        var description: String
        /// What the database is told, if that is something else.
        var comment: String?
    }

    struct Table {
        var table: TapTable
        var index: Int
        var description: String
        var columns: [Column]
    }

    struct Key {
        var name: String
        var from: (table: TapTable, column: String)
        var target: (table: TapTable, column: String)
        /// Whether the database makes sure of it.
        var isEnforced = true
    }

    static let schemaName = "tap_schema"
    static let schemaIndex = 100_000
    static let schemaDescription = "A TAP-standard-mandated schema to describe tablesets in a TAP 1.1 service"

    static let keys = [
        Key(name: "k1", from: (.tables, "schema_name"), target: (.schemas, "schema_name")),
        Key(name: "k2", from: (.columns, "table_name"), target: (.tables, "table_name")),
        Key(name: "k3", from: (.keys, "from_table"), target: (.tables, "table_name")),
        Key(name: "k4", from: (.keys, "target_table"), target: (.tables, "table_name")),
        Key(name: "k5", from: (.keyColumns, "key_id"), target: (.keys, "key_id")),
        Key(name: "k6", from: (.keyColumns, "from_column"), target: (.columns, "column_name"), isEnforced: false),
        Key(name: "k7", from: (.keyColumns, "target_column"), target: (.columns, "column_name"), isEnforced: false),
    ]

    static func primaryKey(of table: TapTable) -> [String] {
        switch table {
        case .schemas: ["schema_name"]
        case .tables: ["table_name"]
        case .columns: ["table_name", "column_name"]
        case .keys: ["key_id"]
        case .keyColumns: []
        }
    }

    static let tables: [Table] = [
        Table(
            table: .schemas, index: 100000, description: "description of schemas in this tableset",
            columns: [
                Column(
                    name: "schema_name", width: 64, isRequired: true, describedWidth: 64, index: 1,
                    description: "schema name for reference to tap_schema.schemas"),
                Column(
                    name: "utype", width: 512, describedWidth: 512, index: 2,
                    description: "lists the utypes of schemas in the tableset"),
                Column(
                    name: "description", width: 512, describedWidth: 512, index: 3,
                    description: "describes schemas in the tableset"),
                Column(name: "schema_index", index: 4, description: "recommended sort order when listing schemas"),
            ]),
        Table(
            table: .tables, index: 101000, description: "description of tables in this tableset",
            columns: [
                Column(
                    name: "schema_name", width: 64, isRequired: true, describedWidth: 512, index: 1,
                    description: "the schema this table belongs to"),
                Column(
                    name: "table_name", width: 128, isRequired: true, describedWidth: 64, index: 2,
                    description: "the fully qualified table name"),
                Column(
                    name: "table_type", width: 8, isRequired: true, describedWidth: 8, index: 3,
                    description: "one of: table view"),
                Column(
                    name: "utype", width: 512, describedWidth: 512, index: 4,
                    description: "lists the utype of tables in the tableset"),
                Column(
                    name: "description", width: 512, describedWidth: 512, index: 5,
                    description: "describes tables in the tableset"),
                Column(name: "table_index", index: 6, description: "recommended sort order when listing tables"),
            ]),
        Table(
            table: .columns, index: 102000, description: "description of columns in this tableset",
            columns: [
                Column(
                    name: "table_name", width: 128, isRequired: true, describedWidth: 64, index: 1,
                    description: "the table this column belongs to"),
                Column(
                    name: "column_name", width: 64, isRequired: true, describedWidth: 64, index: 2,
                    description: "the column name"),
                Column(
                    name: "utype", width: 512, describedWidth: 512, index: 3,
                    description: "lists the utypes of columns in the tableset"),
                Column(
                    name: "ucd", width: 64, describedWidth: 64, index: 4,
                    description: "lists the UCDs of columns in the tableset"),
                Column(
                    name: "unit", width: 64, describedWidth: 64, index: 5,
                    description: "lists the unit used for column values in the tableset"),
                Column(
                    name: "description", width: 512, describedWidth: 512, index: 6,
                    description: "describes the columns in the tableset"),
                Column(
                    name: "datatype", width: 64, isRequired: true, describedWidth: 64, index: 7,
                    description: "lists the ADQL datatype of columns in the tableset"),
                Column(
                    name: "arraysize", width: 16, describedWidth: 16, index: 8,
                    description: "lists the size of variable-length columns in the tableset"),
                Column(
                    name: "xtype", width: 64, describedWidth: 64, index: 7,
                    description: "a DALI or custom extended type annotation"),
                Column(name: "size", index: 9, description: "deprecated: use arraysize"),
                Column(
                    name: "principal", isRequired: true, index: 10,
                    description: "a principal column; 1 means 1, 0 means 0"),
                Column(
                    name: "indexed", isRequired: true, index: 11,
                    description: "an indexed column; 1 means 1, 0 means 0"),
                Column(
                    name: "std", isRequired: true, index: 12,
                    description: "a standard column; 1 means 1, 0 means 0"),
                Column(
                    name: "column_index", index: 13,
                    description: "recommended sort order when listing columns of a table",
                    comment: "recommended sort order when listing columns"),
            ]),
        Table(
            table: .keys, index: 103000, description: "description of foreign keys in this tableset",
            columns: [
                Column(
                    name: "key_id", width: 64, isRequired: true, describedWidth: 64, index: 1,
                    description: "unique key to join to tap_schema.key_columns"),
                Column(
                    name: "from_table", width: 128, isRequired: true, describedWidth: 64, index: 2,
                    description: "the table with the foreign key"),
                Column(
                    name: "target_table", width: 128, isRequired: true, describedWidth: 64, index: 3,
                    description: "the table with the primary key"),
                Column(
                    name: "utype", width: 512, describedWidth: 512, index: 4,
                    description: "lists the utype of keys in the tableset"),
                Column(
                    name: "description", width: 512, describedWidth: 512, index: 5,
                    description: "describes keys in the tableset"),
            ]),
        Table(
            table: .keyColumns, index: 104000, description: "description of foreign key columns in this tableset",
            columns: [
                Column(
                    name: "key_id", width: 64, isRequired: true, describedWidth: 64, index: 1,
                    description: "key to join to tap_schema.keys"),
                Column(
                    name: "from_column", width: 64, isRequired: true, describedWidth: 64, index: 2,
                    description: "column in the from_table"),
                Column(
                    name: "target_column", width: 64, isRequired: true, describedWidth: 64, index: 3,
                    description: "column in the target_table"),
            ]),
    ]
}
