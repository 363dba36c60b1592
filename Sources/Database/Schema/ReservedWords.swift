/// Names that table definitions put in quotes. The lists are those of the SQL toolkit behind the Python clients, so that
/// definitions are the same text.
enum ReservedWords {
    static let sqlite = words(
        """
        add after all alter analyze and as asc attach autoincrement before begin between by cascade case
        cast check collate column commit conflict constraint create cross current_date current_time
        current_timestamp database default deferrable deferred delete desc detach distinct drop each else
        end escape except exclusive exists explain fail false for foreign from full glob group having if
        ignore immediate in index indexed initially inner insert instead intersect into is isnull join key
        left like limit match natural not notnull null of offset on or order outer plan pragma primary query
        raise references reindex rename replace restrict right rollback row select set table temp temporary
        then to transaction trigger true union unique update using vacuum values view virtual when where
        """)

    static let postgresql = words(
        """
        all analyse analyze and any array as asc asymmetric authorization between binary both case cast
        check collate column constraint create cross current_catalog current_date current_role
        current_schema current_time current_timestamp current_user default deferrable desc distinct do else
        end except false fetch for foreign freeze from full grant group having ilike in initially inner
        intersect into is isnull join leading left like limit localtime localtimestamp natural new not
        notnull null of off offset old on only or order outer over overlaps placing primary references
        returning right select session_user similar some symmetric table then to trailing true union unique
        user using variadic verbose when where window with
        """)

    private static func words(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    /// Whether a definition has to quote `name`: reserved, with capitals or special characters, or not beginning with a
    /// letter.
    static func needsQuotes(_ name: String, reserved: Set<String>) -> Bool {
        guard let first = name.utf8.first else { return true }
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                UInt8(ascii: "$"):
                true
            default: false
            }
        }
        let startsPlainly = !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) && first != UInt8(ascii: "$")
        return !isPlain || !startsPlainly || reserved.contains(name)
    }
}
