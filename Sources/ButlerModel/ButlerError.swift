/// A failure that the user of a Butler can act on. Its kind travels over the wire, so that a remote client raises
/// the same exception as a direct one. Source of the kinds: remote Butler protocol reference, section 3.6.
public struct ButlerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The raw value is the protocol's `error_type`.
    public enum Kind: String, Sendable, CaseIterable {
        case calibrationLookup = "calibration_lookup"
        case collectionCycle = "collection_cycle"
        case collectionType = "collection_type"
        case dataIDValue = "data_id_value"
        case datasetNotFound = "dataset_not_found"
        case datasetTypeExpression = "dataset_type_expression"
        case dimensionName = "dimension_name"
        case dimensionValue = "dimension_value"
        case inconsistentDataID = "inconsistent_data_id"
        case invalidQuery = "invalid_query"
        case missingCollection = "missing_collection"
        case missingDatasetType = "missing_dataset_type"
        case unimplementedQuery = "unimplemented_query"
        case unknownComponent = "unknown_component"

        // Kinds below have no exception of their own in the Python client, which reports them as unknown user errors.
        case conflictingDefinition = "conflicting_definition"
        case orphanedRecord = "orphaned_record"
        case readOnly = "read_only"
        case malformedModel = "malformed_model"
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
