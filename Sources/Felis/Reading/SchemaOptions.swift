/// What a reader of schemas checks and fills in.
public struct SchemaOptions: Sendable, Hashable {
    /// Checks that are off unless asked for.
    public enum Check: String, CaseIterable, Sendable, Hashable {
        /// Every object has a description.
        case description
        /// No override of a datatype says what the datatype says already.
        case redundantDatatypes = "redundant-datatypes"
        /// Every table has a `tap:table_index` of its own.
        case tableIndexes = "tap-table-indexes"
        /// Every table has a column with `tap:principal: 1` of its own.
        case principal = "tap-principal"
    }

    public var checks: Set<Check> = []
    /// Give objects without `@id` one made of names.
    public var generatesIDs = true
    /// Write `*` for every variable length: see ``Datatype/defaultArraysize(length:isUnbounded:)``.
    public var isUnbounded = false
    /// Number referenced columns N, 2N, 3N, … in TAP_SCHEMA, unless an override gives a number.
    public var referenceIndexIncrement: Int?

    public init() {}
}
