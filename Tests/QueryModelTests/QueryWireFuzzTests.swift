import ButlerModel
import QueryModel
import StructuredData
import TestSupport
import Testing

/// Documents from a hostile client: each is decoded or refused with a `ButlerError`, and none traps.
@Suite struct QueryWireFuzzTests {
    enum Kind: UInt64, CaseIterable, Sendable { case tree, result, input }

    /// A million trees, and a third as many of the others; or as many as the environment variable `STEWARD_FUZZ` says.
    @Test(arguments: Kind.allCases)
    func mutatedDocumentsNeverTrapAndWhatIsAcceptedRoundTrips(kind: Kind) async throws {
        let count = fuzzCount(default: 1_000_000) / (kind == .tree ? 1 : Kind.allCases.count)
        let universe = try universe()
        var random = DocumentMutator(seed: kind.rawValue, documents: try Self.seeds(kind), scalars: Self.scalars)
        var accepted = 0
        for round in 0..<count {
            if round % 256 == 0 { await Task.yield() }
            let document = random.next()
            do {
                let encode = try Self.decoder(kind, document, universe)
                accepted += 1
                if round % 16 == 0 {
                    let again = encode()
                    // As texts, for NaN equals nothing.
                    #expect(try Self.decoder(kind, again, universe)().description == again.description, "\(document)")
                }
            } catch {
                if round % 16 == 0 { #expect(!"\(error)".isEmpty) }
            }
        }
        #expect(accepted > count / 50)
    }

    /// Decodes a document and gives what encodes it again, and shows and negates it.
    private static func decoder(
        _ kind: Kind, _ document: StructuredValue, _ universe: DimensionUniverse
    ) throws(ButlerError) -> () -> StructuredValue {
        switch kind {
        case .tree:
            let tree = try QueryTree(wire: reader(document), universe: universe)
            return {
                #expect(!tree.predicate.description.isEmpty)
                _ = try? tree.predicate.negated()
                return tree.wire
            }
        case .result:
            let result = try ResultSpecification(wire: reader(document), universe: universe)
            return { result.wire }
        case .input:
            let input = try QueryInput(wire: reader(document), universe: universe)
            return { input.wire }
        }
    }

    // MARK: Material

    private static func seeds(_ kind: Kind) throws -> [StructuredValue] {
        switch kind {
        case .tree:
            // Small ones, one for each node, so that a mutation is likely to meet something that matters.
            let leaves =
                PredicateWireTests.leaves.map(\.json)
                + ExpressionWireTests.nodes.map { #"{"predicate_type":"is_null","operand":\#($0.json)}"# }
            return try leaves.map {
                try StructuredValue(
                    json: #"{"dimensions":["visit","exposure","skymap","htm7"],"#
                        + #""datasets":{"flat":{"collections":["a"],"dimensions":[]}},"#
                        + #""predicate":{"operands":[[\#($0)]]}}"#)
            } + [try StructuredValue(json: QueryWireTests.tree)]
        case .result: return try QueryWireTests.results.map { try StructuredValue(json: $0) }
        case .input:
            let key = QueryWireTests.upload
            return [
                [
                    "type": "upload", "key": .string(key), "dimensions": ["detector"],
                    "rows": [["HSC", 1], ["HSC", 2.0], ["HSC", true]],
                ],
                [
                    "type": "materialized", "key": .string(key), "dimensions": ["detector"], "datasets": ["bias"],
                    "tree": ["dimensions": ["detector"]],
                ],
            ]
        }
    }

    private static let scalars: [StructuredValue] = [
        nil, true, false, 0, 1, -1, 7, .int(.max), .int(.min), .int(4_102_444_800_000_000_000), 0.5, 1e300,
        .float(.nan), .float(-.infinity), 9.3e18, "", "visit", "detector", "htm7", "band", "flat", "bias", "region",
        "timespan", "run", "int", "timespan", "datetime", "dimension_key", "unary", "begin_of", "-", "overlaps", "glob",
        "==", "not", "in_range", "is_null", "12", "-9223372036854775808", "nan", "AAAA", "é\u{2028}\0", [], [:],
        ["visit"], ["expression_type": "int", "value": 3], ["expression_type": "int", "value": .int(.min)],
        [["predicate_type": "not"]],
    ]
}

/// Documents made from others: one to three values replaced, removed, doubled or moved in from another document.
private struct DocumentMutator {
    private var random: SeededGenerator
    private let documents: [StructuredValue]
    private let scalars: [StructuredValue]

    init(seed: UInt64, documents: [StructuredValue], scalars: [StructuredValue]) {
        random = SeededGenerator(seed: seed)
        self.documents = documents
        self.scalars = scalars
    }

    private mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

    mutating func next() -> StructuredValue {
        var document = documents[below(documents.count)]
        for _ in 0...below(3) { document = mutated(document) }
        return document
    }

    /// Goes down from the root and changes where it stops.
    private mutating func mutated(_ value: StructuredValue) -> StructuredValue {
        if below(8) > 0 {
            switch value {
            case .object(let mapping) where !mapping.isEmpty:
                let index = below(mapping.count)
                var pairs = mapping.pairs.map { ($0.key, $0.value) }
                switch below(16) {
                case 0: pairs.remove(at: index)
                case 1: pairs[index].0 = pairs[below(pairs.count)].0
                default: pairs[index].1 = mutated(pairs[index].1)
                }
                return .object(StructuredMapping(pairs))
            case .array(var items) where !items.isEmpty:
                let index = below(items.count)
                switch below(16) {
                case 0: items.remove(at: index)
                case 1: items.append(items[index])
                default: items[index] = mutated(items[index])
                }
                return .array(items)
            default: break
            }
        }
        return below(6) == 0 ? part(of: documents[below(documents.count)]) : scalars[below(scalars.count)]
    }

    /// Some value inside a document.
    private mutating func part(of value: StructuredValue) -> StructuredValue {
        guard below(5) > 0 else { return value }
        switch value {
        case .object(let mapping) where !mapping.isEmpty: return part(of: mapping.pairs[below(mapping.count)].value)
        case .array(let items) where !items.isEmpty: return part(of: items[below(items.count)])
        default: return value
        }
    }
}
