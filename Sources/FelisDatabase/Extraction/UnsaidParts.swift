/// What a database has that a schema read from it does not tell, as the language has no words for it.
public struct UnsaidParts: Sendable, Hashable {
    /// By table: what goes when the table is made anew, such as `the trigger 'x'`.
    public var ofTables: [String: [String]] = [:]
    /// By `table.column`: why values may be lost when the column gets another type.
    public var ofTypes: [String: String] = [:]
    /// Names that are taken besides those of the schema.
    public var names: Set<String> = []

    public init() {}
}
