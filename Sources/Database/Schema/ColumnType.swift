/// What a column holds, in logical terms. Source of the physical types: repository format reference, section 2.1.
public enum ColumnType: Hashable, Sendable {
    /// An integer key that the database hands out.
    case autoincrement
    case smallInt
    /// 32 bits.
    case int32
    /// 64 bits.
    case int
    /// IEEE double.
    case double
    case bool
    /// Text with a declared length. Up to 32 the declaration is enforced, and SQLite refuses empty strings then.
    case string(length: Int)
    /// Text of any length that is declared as a string.
    case unlimitedString
    case text
    case uuid
    /// Bytes as standard base64 text: hashes and regions.
    case bytes
    /// Bytes as they are.
    case blob
    /// A half-open time interval: two columns in SQLite, a range in PostgreSQL, one logical column here.
    case timespan
    /// A point of PostgreSQL's extension pg_sphere, written as text in radians.
    case skyPoint
    /// A polygon of pg_sphere, likewise.
    case skyPolygon

    /// The longest string whose declared length the database enforces.
    static let longestCheckedString = 32
}
