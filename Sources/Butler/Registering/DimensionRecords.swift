public import ButlerModel
public import Registry

/// What the repository knows about instruments, exposures, the sky. Each method is one transaction.
extension DirectButler {
    /// A record of an element of this repository's dimensions; columns that are not named are null.
    ///
    ///     try butler.record("detector", ["instrument": .string("HSC"), "id": .int(50), "full_name": .string("1_12")])
    ///
    /// - Throws: `ButlerError` of kind `dimensionName` for an unknown element, of kind `malformedModel` for an unknown
    ///   column, a value of the wrong type or a key without a value.
    public func record(_ element: String, _ values: [String: ColumnValue]) throws -> DimensionRecord {
        try DimensionRecord(try universe.requireElement(element), values)
    }

    /// Inserts records of any elements, in any order, with their places on the sky.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` that names a record which exists already, refers to one
    ///   that does not exist, or belongs to an element whose records follow from others.
    public func insert(_ records: [DimensionRecord], onConflict policy: RecordConflictPolicy = .fail) async throws {
        try await transaction { try $0.registry.insert(records, onConflict: policy) }
    }

    /// Makes sure that a record exists with these values.
    ///
    /// - Parameter isUpdating: whether a record with the same key and other values is changed, rather than refused.
    /// - Throws: `ButlerError` of kind `conflictingDefinition`.
    @discardableResult
    public func sync(_ record: DimensionRecord, updating isUpdating: Bool = false) async throws -> RecordSync {
        try await transaction { try $0.registry.sync(record, updating: isUpdating) }
    }
}
