import Felis
import StructuredData

/// What a PostgreSQL database says about the tables of one schema. Source: PostgreSQL 15 documentation, chapter 53.
struct PostgreSQLCatalog {
    struct TableEntry {
        var name: String
        var comment: String?
    }

    struct ColumnEntry {
        var table: String
        var name: String
        /// As `format_type` spells it: `character varying(8)`.
        var type: String
        var isNullable: Bool
        /// The expression of its default.
        var value: String?
        var comment: String?
        var isIdentity: Bool
        var isGenerated: Bool
    }

    struct ConstraintEntry {
        var table: String
        var name: String
        /// A letter of `pg_constraint.contype`.
        var kind: String
        var columns: [String]
        var targetSchema: String?
        var target: String?
        var targetColumns: [String]
        var onUpdate: String
        var onDelete: String
        var isDeferrable: Bool
        var isDeferred: Bool
        var expression: String?
        var comment: String?
        /// As `pg_get_constraintdef` spells it.
        var definition: String
    }

    struct IndexEntry {
        var table: String
        var name: String
        /// Names of columns, or expressions.
        var keys: [String]
        var hasExpressions: Bool
        var isUnique: Bool
        var isPartial: Bool
        var method: String
        /// The keys as definitions have them, without what is said about their order.
        var spelledKeys: [String]
        /// As `pg_get_indexdef` spells it.
        var definition: String
    }

    /// What is in the schema besides: a view, a trigger.
    struct OtherEntry {
        var kind: String
        var name: String
    }

    var tables: [TableEntry] = []
    var columns: [ColumnEntry] = []
    var constraints: [ConstraintEntry] = []
    var indexes: [IndexEntry] = []
    var others: [OtherEntry] = []

    /// The number of a schema.
    static func schema(named name: String) -> String {
        "(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = \(Dialect.postgresql.literal(name)))"
    }

    /// The number of the schema of the session's temporary tables.
    static let temporarySchema = "pg_catalog.pg_my_temp_schema()"

    /// The queries whose results ``init(_:)`` takes.
    ///
    /// - Parameter schema: an expression for the schema's number.
    static func queries(schema: String) -> [String] {
        let isTable = "c.relnamespace = \(schema) AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        func names(_ numbers: String, of table: String) -> String {
            """
            (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)::text \
            FROM pg_catalog.unnest(\(numbers)) WITH ORDINALITY AS u (number, place) \
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = \(table) AND a.attnum = u.number)
            """
        }
        return [
            """
            SELECT c.relname::text, pg_catalog.obj_description(c.oid, 'pg_class') FROM pg_catalog.pg_class AS c \
            WHERE \(isTable) ORDER BY c.oid
            """,
            """
            SELECT c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), \
            a.attnotnull::text, pg_catalog.pg_get_expr(d.adbin, d.adrelid), \
            pg_catalog.col_description(c.oid, a.attnum), a.attidentity::text, a.attgenerated::text \
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid \
            LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum \
            WHERE \(isTable) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum
            """,
            """
            SELECT c.relname::text, k.conname::text, k.contype::text, \(names("k.conkey", of: "k.conrelid")), \
            s.nspname::text, t.relname::text, \(names("k.confkey", of: "k.confrelid")), k.confupdtype::text, \
            k.confdeltype::text, k.condeferrable::text, k.condeferred::text, \
            pg_catalog.pg_get_expr(k.conbin, k.conrelid), pg_catalog.obj_description(k.oid, 'pg_constraint'), \
            pg_catalog.pg_get_constraintdef(k.oid) \
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid \
            LEFT JOIN pg_catalog.pg_class AS t ON t.oid = k.confrelid \
            LEFT JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace AND s.oid <> c.relnamespace \
            WHERE \(isTable) ORDER BY c.oid, k.oid
            """,
            """
            SELECT c.relname::text, i.relname::text, (SELECT pg_catalog.json_agg(\
            COALESCE(a.attname::text, pg_catalog.pg_get_indexdef(x.indexrelid, u.place::int, true)) \
            ORDER BY u.place)::text FROM pg_catalog.unnest(x.indkey) WITH ORDINALITY AS u (number, place) \
            LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = u.number AND u.number <> 0 \
            WHERE u.place <= x.indnkeyatts), (x.indexprs IS NOT NULL)::text, x.indisunique::text, \
            (x.indpred IS NOT NULL)::text, m.amname::text, (SELECT pg_catalog.json_agg(\
            pg_catalog.pg_get_indexdef(x.indexrelid, n, false) ORDER BY n)::text \
            FROM pg_catalog.generate_series(1, x.indnkeyatts) AS n), pg_catalog.pg_get_indexdef(x.indexrelid) \
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid \
            JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid JOIN pg_catalog.pg_am AS m ON m.oid = i.relam \
            WHERE \(isTable) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS k \
            WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x')) ORDER BY c.oid, i.oid
            """,
            """
            SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' \
            ELSE 'partitioning of table' END, c.relname::text FROM pg_catalog.pg_class AS c \
            WHERE c.relnamespace = \(schema) AND c.relkind IN ('v', 'm', 'f', 'p') AND NOT c.relispartition \
            UNION ALL SELECT 'trigger', t.tgname::text FROM pg_catalog.pg_class AS c \
            JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = c.oid WHERE \(isTable) AND NOT t.tgisinternal ORDER BY 1, 2
            """,
        ]
    }

    /// - Parameter results: the rows of the queries, in their order.
    init(_ results: [[[String?]]]) throws(JSONError) {
        guard results.count == 5 else { return }
        tables = results[0].map { TableEntry(name: $0[0] ?? "", comment: $0[1]) }
        others = results[4].map { OtherEntry(kind: $0[0] ?? "", name: $0[1] ?? "") }
        columns = results[1].map { row in
            ColumnEntry(
                table: row[0] ?? "", name: row[1] ?? "", type: row[2] ?? "", isNullable: row[3] != "true",
                value: row[4], comment: row[5], isIdentity: !(row[6] ?? "").isEmpty,
                isGenerated: !(row[7] ?? "").isEmpty)
        }
        for row in results[2] {
            constraints.append(
                ConstraintEntry(
                    table: row[0] ?? "", name: row[1] ?? "", kind: row[2] ?? "", columns: try Self.names(row[3]),
                    targetSchema: row[4], target: row[5], targetColumns: try Self.names(row[6]),
                    onUpdate: row[7] ?? "", onDelete: row[8] ?? "", isDeferrable: row[9] == "true",
                    isDeferred: row[10] == "true", expression: row[11], comment: row[12],
                    definition: row[13] ?? ""))
        }
        for row in results[3] {
            indexes.append(
                IndexEntry(
                    table: row[0] ?? "", name: row[1] ?? "", keys: try Self.names(row[2]),
                    hasExpressions: row[3] == "true", isUnique: row[4] == "true", isPartial: row[5] == "true",
                    method: row[6] ?? "", spelledKeys: try Self.names(row[7]), definition: row[8] ?? ""))
        }
    }

    /// The texts of a JSON list.
    private static func names(_ text: String?) throws(JSONError) -> [String] {
        guard let text else { return [] }
        return try StructuredValue(json: text).arrayValue?.compactMap(\.stringValue) ?? []
    }
}
