public import ButlerModel
public import QueryModel
import StructuredData

/// A query as a client states it: what to join, rows that come with it, and what the client's defaults are.
public struct QueryRequest: Sendable {
    public var tree: QueryTree
    /// In the order in which they are made.
    public var inputs: [QueryInput]
    /// Values of governor dimensions that hold where the query does not mention the governor.
    public var defaults: [String: DataIDValue]
    /// Rows to pass over before the first one that is given, for who has had those already. A limit counts them too. They
    /// are found again, but no text or value is made of them.
    public var skippedRows = 0

    public init(
        _ tree: QueryTree, inputs: [QueryInput] = [], defaults: [String: DataIDValue] = [:], skippedRows: Int = 0
    ) {
        self.tree = tree
        self.inputs = inputs
        self.defaults = defaults
        self.skippedRows = skippedRows
    }

    /// The wire form: see the remote Butler protocol reference, section 7.1.
    /// - Throws: `ButlerError` of kind `invalidQuery` for a malformed query, with the path of what is wrong.
    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        do {
            tree = try QueryTree(wire: try reader.required("tree"), universe: universe)
            inputs = []
            for item in try reader.required("additional_query_inputs").items() {
                inputs.append(try QueryInput(wire: item, universe: universe))
            }
            defaults = try DataCoordinate.mapping(wire: try reader.required("default_data_id").required("dataId"))
        } catch let error where error.kind == .malformedModel {
            throw ButlerError(.invalidQuery, "Malformed query: \(error.message)")
        }
    }

    /// Decodes a result specification likewise.
    public static func result(
        wire reader: DocumentReader, universe: DimensionUniverse
    ) throws(ButlerError) -> ResultSpecification {
        do {
            return try ResultSpecification(wire: reader, universe: universe)
        } catch let error where error.kind == .malformedModel {
            throw ButlerError(.invalidQuery, "Malformed result specification: \(error.message)")
        }
    }
}
