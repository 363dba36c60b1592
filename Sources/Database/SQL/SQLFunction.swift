/// What database systems spell differently.
enum SQLFunction: Sendable {
    case quotient(SQL, SQL)
    case remainder(SQL, SQL)
    case isTrue(SQL)
    case matches(SQL, pattern: WildcardPattern)
    case hasPrefix(SQL, String)
    case anyValue(SQL)
    case joinedText(SQL, separator: String)
    case ordered(SQL, isDescending: Bool, mayBeNull: Bool)
    case selective(SQL)
    case unindexed(SQL)
    case telling(SQL)
    case condition(SQL, shortcut: SQL)
    case joinInOrder
}

extension SQL {
    /// True division, also of integers.
    public static func quotient(_ a: SQL, _ b: SQL) -> SQL { SQL(elements: [.function(.quotient(a, b))]) }

    /// The remainder of integers, with the sign of the first; NULL of a division by zero.
    public static func remainder(_ a: SQL, _ b: SQL) -> SQL { SQL(elements: [.function(.remainder(a, b))]) }

    /// Whether a boolean column holds true; NULL where it holds NULL.
    public static func isTrue(_ column: SQL) -> SQL { SQL(elements: [.function(.isTrue(column))]) }

    /// Whether text matches a pattern as a whole; case counts.
    public static func matches(_ text: SQL, _ pattern: WildcardPattern) -> SQL {
        SQL(elements: [.function(.matches(text, pattern: pattern))])
    }

    /// Whether text begins with a prefix, which is not empty; case counts. An index of the column serves.
    public static func hasPrefix(_ text: SQL, _ prefix: String) -> SQL {
        SQL(elements: [.function(.hasPrefix(text, prefix))])
    }

    /// In a grouped query: the value of some row of the group.
    public static func anyValue(_ expression: SQL) -> SQL { SQL(elements: [.function(.anyValue(expression))]) }

    /// In a grouped query: the texts of all rows of the group, in no particular order, with a separator between them.
    public static func joinedText(_ expression: SQL, separator: String) -> SQL {
        SQL(elements: [.function(.joinedText(expression, separator: separator))])
    }
}

extension SQL {
    /// A term of ORDER BY. NULL comes before all values, or after them when descending.
    ///
    /// - Parameter mayBeNull: `false` for columns that never are: then an index can give the order in any database.
    public static func ordered(_ expression: SQL, isDescending: Bool, mayBeNull: Bool = true) -> SQL {
        SQL(elements: [.function(.ordered(expression, isDescending: isDescending, mayBeNull: mayBeNull))])
    }

    /// A condition that few rows fulfil, although a database without statistics would not think so.
    public static func selective(_ condition: SQL) -> SQL { SQL(elements: [.function(.selective(condition))]) }

    /// A column in a condition that no index shall serve, because another index gives the order that is wanted. A
    /// database with statistics decides itself.
    public static func unindexed(_ column: SQL) -> SQL { SQL(elements: [.function(.unindexed(column))]) }

    /// A condition that follows from others, and by which a database with statistics knows how many rows there will be.
    public static func telling(_ condition: SQL) -> SQL { SQL(elements: [.function(.telling(condition))]) }

    /// A condition with a subquery that needs no look where a cheap one holds. A database that joins the subquery does
    /// without the cheap one, which would keep it from that.
    public static func condition(_ condition: SQL, shortcut: SQL) -> SQL {
        SQL(elements: [.function(.condition(condition, shortcut: shortcut))])
    }

    /// `JOIN` with a table that is to be read after all those before it; a condition follows with `ON`.
    public static var joinInOrder: SQL { SQL(elements: [.function(.joinInOrder)]) }

    /// Rows of given values as a table in a FROM clause; the caller adds an alias. They may be of any number: they are
    /// sent as one value or array, so that the text of the statement does not depend on them.
    public static func rows(_ columns: [(name: String, type: ColumnType)], _ rows: [[SQLValue]]) -> SQL {
        SQL(elements: [.rows(columns.map(\.name), columns.map(\.type), rows)])
    }

    /// All of the conditions, nested so that any number of them stays within the databases' limits on depth.
    public static func allBalanced(_ conditions: [SQL]) -> SQL {
        conditions.isEmpty ? "1 = 1" : balanced(conditions[...], " AND ")
    }

    /// One of the conditions, nested likewise.
    public static func anyBalanced(_ conditions: [SQL]) -> SQL {
        conditions.isEmpty ? "1 = 0" : balanced(conditions[...], " OR ")
    }

    private static func balanced(_ conditions: ArraySlice<SQL>, _ separator: SQL) -> SQL {
        if conditions.count == 1 { return conditions[conditions.startIndex] }
        if conditions.count <= 100 { return "(" + conditions.joined(separator: separator) + ")" }
        let middle = conditions.startIndex + conditions.count / 2
        return "(" + balanced(conditions[..<middle], separator) + separator
            + balanced(conditions[middle...], separator) + ")"
    }
}

/// A pattern of literal characters, `?` for any one and `*` for any run of characters.
public struct WildcardPattern: Hashable, Sendable {
    enum Part: Hashable, Sendable {
        case literal(Unicode.Scalar)
        case anyOne
        case anyRun
    }

    let parts: [Part]

    /// A backslash makes a following `*`, `?` or backslash literal, and is literal itself before anything else. Brackets
    /// are literal.
    public init(_ text: String) {
        var parts: [Part] = []
        var rest = text.unicodeScalars[...]
        while let character = rest.popFirst() {
            switch character {
            case "*": parts.append(.anyRun)
            case "?": parts.append(.anyOne)
            case "\\":
                if let next = rest.first, next == "*" || next == "?" || next == "\\" {
                    parts.append(.literal(next))
                    rest.removeFirst()
                } else {
                    parts.append(.literal("\\"))
                }
            default: parts.append(.literal(character))
            }
        }
        self.parts = parts
    }
}
