import ButlerModel
import QueryModel
import RepositoryConfiguration
import StructuredData
import Testing

private let shared = Result {
    try DimensionUniverse(DimensionConfiguration(.object(try DefaultDimensions.configuration())))
}

/// The universe of a new repository.
func universe() throws -> DimensionUniverse { try shared.get() }

func reader(_ value: StructuredValue) -> DocumentReader { DocumentReader(value, path: "query") }
func reader(_ json: String) throws -> DocumentReader { reader(try StructuredValue(json: json)) }

/// The compact JSON text of a value.
func json(_ value: StructuredValue) -> String {
    var writer = JSONWriter()
    writer.value(value)
    return writer.text
}

func expression(_ json: String) throws -> ColumnExpression {
    try ColumnExpression(wire: try reader(json), universe: try universe())
}

func key(_ name: String) throws -> ColumnExpression {
    .column(.dimensionKey(try universe().requireElement(name)))
}

func field(_ element: String, _ name: String) throws -> ColumnExpression {
    .column(try .field(name, of: try universe().requireElement(element)))
}

/// Fails unless `body` throws a `ButlerError` of this kind whose text holds `fragment`.
func expectError(
    _ kind: ButlerError.Kind, _ fragment: String = "", _ comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    let error = #expect(throws: ButlerError.self, "\(comment)", sourceLocation: sourceLocation) { try body() }
    guard let error else { return }
    #expect(error.kind == kind, "\(comment): \(error)", sourceLocation: sourceLocation)
    #expect(
        fragment.isEmpty || error.message.contains(fragment), "\(comment): \(error)", sourceLocation: sourceLocation)
}
