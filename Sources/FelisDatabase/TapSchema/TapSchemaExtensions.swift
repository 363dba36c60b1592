import Felis

/// The columns that the TAP library of CADC needs in TAP_SCHEMA beyond the standard: owners, and who may read.
///
/// The Python tool has them in a file of its own, so the address of that file stands for them, installed or not.
public enum TapSchemaExtensions {
    public static let location = "resource://felis/config/tap_schema/tap_schema_extensions.yaml"

    public static let schema: Schema = {
        var schema = Schema(name: "tap_schema_extensions", id: "#tap_schema_extensions")
        let rights: [(String, Int?, String)] = [
            ("owner_id", 32, "who owns it"), ("read_anon", nil, "whether everybody may read it"),
            ("read_only_group", 128, "the group that may read it"),
            ("read_write_group", 128, "the group that may read and change it"),
            ("api_created", nil, "whether it was made through the service"),
        ]
        schema.tables = [
            table("schemas", rights),
            table("tables", rights + [("view_target", 128, "the table that a view shows")]),
            table("columns", [("column_id", 32, "an identifier that is unique in the service")]),
        ]
        return schema
    }()

    private static func table(_ name: String, _ columns: [(name: String, length: Int?, description: String)]) -> Table {
        var table = Table(name: name, id: "#\(name)")
        table.columns = columns.map { entry in
            var column = Column(
                name: entry.name, id: "#\(name).\(entry.name)", datatype: entry.length == nil ? .int : .char)
            column.length = entry.length
            column.description = entry.description
            return column
        }
        return table
    }
}
