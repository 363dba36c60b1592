import Felis

/// Reads what only the text tells by which SQLite remembers a table: constraints with their names and conditions, and
/// what the language has no words for. Source: `CREATE TABLE` in the documentation of SQLite.
struct TableDefinitionReader {
    /// A constraint as it is written, with names of columns as they are spelled there.
    struct WrittenConstraint {
        enum Content {
            case unique([String])
            case check(String)
            /// Without columns, it points to the key of the table.
            case foreignKey([String], table: String, referenced: [String]?)
        }

        var name: String?
        var content: Content
        var onDelete: Constraint.Action?
        var onUpdate: Constraint.Action?
        var isDeferrable = false
        var initially: Constraint.Initially?
    }

    private(set) var constraints: [WrittenConstraint] = []
    /// What the language has no words for, such as `the collation of column a`.
    private(set) var unsaid: [String] = []
    private let tokens: SQLiteTokens

    init(_ text: String) {
        tokens = SQLiteTokens(text)
        guard let start = (0..<tokens.count).first(where: { tokens.isMark($0, "(") }) else { return }
        for item in tokens.items(inParenthesis: start) { read(item) }
        for index in tokens.end(ofParenthesis: start)..<max(tokens.count, tokens.end(ofParenthesis: start)) {
            if tokens.isWord(index, "STRICT") { unsaid.append("that types are enforced (STRICT)") }
            if tokens.isWord(index, "WITHOUT") { unsaid.append("that it has no rowid (WITHOUT ROWID)") }
        }
    }

    private static let tableWords = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"]

    private mutating func read(_ item: Range<Int>) {
        var index = item.lowerBound
        var column: String?
        if !Self.tableWords.contains(where: { tokens.isWord(index, $0) }) {
            column = tokens.name(index)
            index += 1
        }
        let place = column.map { "column \($0)" } ?? "the table"
        var name: String?
        while index < item.upperBound {
            let start = index
            if tokens.isWord(index, "CONSTRAINT") {
                name = tokens.name(index + 1)
                index += 2
                continue
            }
            if var constraint = constraint(column, at: &index) {
                constraint.name = name
                readEnd(of: &constraint, at: &index)
                constraints.append(constraint)
            } else if tokens.isWord(index, "DEFAULT") {
                index += 1
                if tokens.isMark(index, "(") {
                    index = tokens.end(ofParenthesis: index)
                } else {
                    index += tokens.isMark(index, "-") || tokens.isMark(index, "+") ? 2 : 1
                }
            } else if tokens.isWord(index, "COLLATE") {
                unsaid.append("the collation of \(place)")
                index += 2
            } else if tokens.isWord(index, "AUTOINCREMENT") {
                unsaid.append("that numbers of \(place) do not come again (AUTOINCREMENT)")
            } else if tokens.isWord(index, "ON"), tokens.isWord(index + 1, "CONFLICT") {
                unsaid.append("what happens on conflicts of \(place)")
                index += 3
            } else if tokens.isWord(index, "AS") {
                unsaid.append("that \(place) is computed from others")
                index += 1
            } else if tokens.isMark(index, "(") {
                index = tokens.end(ofParenthesis: index)
            }
            if tokens.isWord(start, "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "REFERENCES", "FOREIGN", "DEFAULT") {
                name = nil
            }
            if index == start { index += 1 }
        }
    }

    /// - Parameter column: the column whose definition this is in, if it is in one.
    private func constraint(_ column: String?, at index: inout Int) -> WrittenConstraint? {
        if tokens.isWord(index, "UNIQUE") {
            index += 1
            guard let columns = column.map({ [$0] }) ?? names(&index) else { return nil }
            return WrittenConstraint(content: .unique(columns))
        }
        if tokens.isWord(index, "CHECK") {
            index += 1
            return tokens.parenthesis(&index).map { WrittenConstraint(content: .check($0)) }
        }
        var columns = column.map { [$0] } ?? []
        if column == nil, tokens.isWord(index, "FOREIGN") {
            index += 2
            columns = names(&index) ?? []
        }
        guard tokens.isWord(index, "REFERENCES"), let target = tokens.name(index + 1) else { return nil }
        index += 2
        return WrittenConstraint(content: .foreignKey(columns, table: target, referenced: names(&index)))
    }

    /// What follows a constraint: actions, and when it is looked at.
    private func readEnd(of constraint: inout WrittenConstraint, at index: inout Int) {
        while true {
            if tokens.isWord(index, "ON"), tokens.isWord(index + 1, "DELETE", "UPDATE") {
                let isDelete = tokens.isWord(index + 1, "DELETE")
                index += 2
                let action = action(&index)
                if isDelete { constraint.onDelete = action } else { constraint.onUpdate = action }
            } else if tokens.isWord(index, "MATCH") {
                index += 2
            } else if tokens.isWord(index, "NOT"), tokens.isWord(index + 1, "DEFERRABLE") {
                index += 2
                if tokens.isWord(index, "INITIALLY") { index += 2 }
            } else if tokens.isWord(index, "DEFERRABLE") {
                constraint.isDeferrable = true
                index += 1
                if tokens.isWord(index, "INITIALLY"), case .word(let word)? = tokens[index + 1] {
                    constraint.initially = Constraint.Initially(rawValue: word.uppercased())
                    index += 2
                }
            } else {
                return
            }
        }
    }

    private func action(_ index: inout Int) -> Constraint.Action? {
        for action in Constraint.Action.allCases {
            let words = action.rawValue.split(separator: " ")
            guard words.indices.allSatisfy({ tokens.isWord(index + $0, String(words[$0])) }) else { continue }
            index += words.count
            return action
        }
        return nil
    }

    /// `(a, b)`: the first name of each item.
    private func names(_ index: inout Int) -> [String]? {
        guard tokens.isMark(index, "(") else { return nil }
        let names = tokens.items(inParenthesis: index).compactMap { tokens.name($0.lowerBound) }
        index = tokens.end(ofParenthesis: index)
        return names
    }
}
