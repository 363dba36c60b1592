import Felis

/// The text of a migration of SQLite, which leaves the database as it was if any step fails, even when the client goes
/// on after errors as `sqlite3` does.
///
/// What is replaced is put aside under another name, which exists within the transaction only. Each step leaves a row
/// in a temporary table if it has worked. If not all rows are there in the end, one statement undoes the transaction;
/// the statements after it, which remove what was put aside, then name tables that do not exist.
struct SQLiteScript {
    let steps: [MigrationStep]
    /// The names of the tables that are put aside.
    let aside: [String]
    /// A name that no table has.
    let guardName: String

    /// The name of the condition, which is what clients show.
    private static let message = "a step has failed, so nothing is changed"

    var text: String {
        let table = "temp.\(Dialect.sqlite.quoted(guardName))"
        let preparation = steps.flatMap(\.preparation)
        let clearance = steps.flatMap(\.clearance)
        // Else SQLite would take a table that is made anew for one whose rows are deleted, and change the keys of
        // others to follow one that is put aside.
        var text = "PRAGMA foreign_keys = OFF;\nPRAGMA legacy_alter_table = ON;\n"
        text += "DROP TABLE IF EXISTS \(table);\nBEGIN;\n"
        let creation =
            "CREATE TEMP TABLE IF NOT EXISTS \(Dialect.sqlite.quoted(guardName)) (passed INTEGER CONSTRAINT "
            + "\(Dialect.sqlite.alwaysQuoted(Self.message)) CHECK (passed IS NOT NULL));\n"
        text += creation
        if !preparation.isEmpty {
            text += "-- Put aside what is replaced\n" + preparation.map(\.scriptText).joined()
        }
        var count = 0
        func check(_ condition: String) {
            count += 1
            text += "INSERT INTO \(table) SELECT CASE WHEN \(condition) THEN 1 END;\n"
        }
        for step in steps where !step.statements.isEmpty || !step.checks.isEmpty {
            text += step.scriptText
            for condition in step.checks { check(condition) }
        }
        if !aside.isEmpty {
            text += "-- No key follows a table that was put aside\n"
            let names = aside.map { Dialect.sqlite.literal($0) }.joined(separator: ", ")
            check(
                "NOT EXISTS (SELECT 1 FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS k "
                    + "WHERE m.type = 'table' AND k.\"table\" IN (\(names)))")
        }
        text += "-- Undo all unless every step has worked: then what follows finds no such tables\n"
        // Without the table, the statement that undoes would be none.
        text += creation
        text += "INSERT OR ROLLBACK INTO \(table) SELECT CASE count(*) WHEN \(count) THEN 1 END FROM \(table);\n"
        text += clearance.map(\.scriptText).joined()
        return text + "DROP TABLE \(table);\nCOMMIT;\nPRAGMA legacy_alter_table = OFF;\n"
    }
}

/// Conditions about what is in an SQLite database.
enum SQLiteCondition {
    private static func literal(_ text: String) -> String { Dialect.sqlite.literal(text) }

    static func hasTable(_ name: String) -> String {
        "EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = \(literal(name)))"
    }

    static func hasIndex(_ table: String, _ name: String) -> String {
        "EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = \(literal(name)) "
            + "AND tbl_name = \(literal(table)))"
    }

    static func hasColumn(_ table: String, _ column: String) -> String {
        "EXISTS (SELECT 1 FROM pragma_table_info(\(literal(table))) WHERE name = \(literal(column)))"
    }

    static func hasColumns(_ table: String, count: Int) -> String {
        "(SELECT count(*) FROM pragma_table_xinfo(\(literal(table)))) = \(count)"
    }

    /// Whether nothing hangs on a table that would go with it.
    static func isBare(_ table: String) -> String {
        "NOT EXISTS (SELECT 1 FROM sqlite_master WHERE tbl_name = \(literal(table)) AND type IN ('index', 'trigger') "
            + "AND sql IS NOT NULL)"
    }

    static func haveSameCount(_ table: String, _ other: String) -> String {
        "(SELECT count(*) FROM \(table)) = (SELECT count(*) FROM \(other))"
    }
}

/// Finds names that nothing has yet. SQLite does not tell letters by case.
struct FreeNames {
    private var taken: Set<String>

    init(taken: some Sequence<String>) { self.taken = Set(taken.map { $0.lowercased() }) }

    /// The name, or with a number after it, which is taken from now on.
    mutating func take(_ wanted: String) -> String {
        var name = wanted
        var number = 1
        while !taken.insert(name.lowercased()).inserted {
            number += 1
            name = "\(wanted)\(number)"
        }
        return name
    }
}
