import AstroTime
import ButlerModel
import Hummingbird
import Serving
import StructuredData

/// Typed access to the members of a request's JSON body. Members that nobody asks for are ignored.
struct RequestFields {
    let body: DocumentReader

    func string(_ key: String) throws(ButlerError) -> String { try body.required(key).string() }
    func strings(_ key: String) throws(ButlerError) -> [String] { try body.required(key).strings() }
    func flag(_ key: String) throws(ButlerError) -> Bool { try body.required(key).bool() }
    func optionalFlag(_ key: String) throws(ButlerError) -> Bool { try body.optional(key)?.bool() ?? false }

    func optionalStrings(_ key: String) throws(ButlerError) -> [String]? {
        try requirePresent(key)
        return try body.optional(key)?.strings()
    }

    /// Names and globs. Each glob is compared with every name that there is, so there may not be many of them.
    func patterns(_ key: String) throws(ButlerError) -> [String] {
        let texts = try strings(key)
        let count = texts.reduce(0) { Glob($1) == nil ? $0 : $0 + 1 }
        guard count <= Self.mostGlobs else {
            throw try body.required(key).failure("has \(count) wildcards; at most \(Self.mostGlobs) are allowed")
        }
        return texts
    }

    private static let mostGlobs = 100

    func dataID(_ key: String) throws(ButlerError) -> [String: DataIDValue] {
        try DataCoordinate.mapping(wire: try body.required(key))
    }

    func optionalDataID(_ key: String) throws(ButlerError) -> [String: DataIDValue] {
        guard let reader = try body.optional(key) else { return [:] }
        return try DataCoordinate.mapping(wire: reader)
    }

    func timespan(_ key: String) throws(ButlerError) -> Timespan? {
        guard let reader = try body.optional(key) else { return nil }
        return try Timespan(wire: reader)
    }

    /// A nullable member that must be there all the same.
    func requirePresent(_ key: String) throws(ButlerError) {
        guard body.value[key] != nil else { throw body.failure("lacks '\(key)'") }
    }

    func collectionTypes(_ key: String) throws(ButlerError) -> Set<CollectionType> {
        var types: Set<CollectionType> = []
        for item in try body.required(key).items() {
            guard let type = CollectionType(rawValue: try item.int()) else {
                throw item.failure("must be 1 (RUN), 2 (TAGGED), 3 (CHAINED) or 4 (CALIBRATION)")
            }
            types.insert(type)
        }
        return types
    }

    /// At most 10 000 identifiers, in order, repeated ones once.
    func datasetIDs(_ key: String) throws(ButlerError) -> [DatasetID] {
        let reader = try body.required(key)
        let items = try reader.items()
        guard items.count <= 10_000 else { throw reader.failure("has \(items.count) items; at most 10000 are allowed") }
        var seen: Set<DatasetID> = []
        var ids: [DatasetID] = []
        for item in items {
            guard let id = DatasetID(try item.string()) else { throw item.failure("must be a UUID") }
            if seen.insert(id).inserted { ids.append(id) }
        }
        return ids
    }
}

extension Request {
    /// Decodes the body. What does not fit becomes a validation failure that names the place.
    ///
    /// - Parameter limit: the largest body in bytes. Ten thousand identifiers take 400 kB.
    func decoded<Value>(
        limit: Int = 4 << 20, _ decode: (RequestFields) throws(ButlerError) -> Value
    ) async throws -> Value {
        let document = try await jsonDocument(limit: limit)
        do throws(ButlerError) {
            return try decode(RequestFields(body: DocumentReader(document, path: "body")))
        } catch {
            guard error.kind == .malformedModel else { throw error }
            throw ValidationFailure(.init("value_error", Self.location(error.message.prefix { $0 != " " }), error.message))
        }
    }

    /// The steps of a place such as `body.collection_types[0]`.
    private static func location(_ place: Substring) -> [ValidationFailure.Step] {
        place.split(separator: ".").flatMap { part -> [ValidationFailure.Step] in
            let pieces = part.split(separator: "[")
            let indexes = pieces.dropFirst().map { $0.last == "]" ? Int($0.dropLast()) : nil }
            guard let name = pieces.first, !indexes.contains(nil) else { return [.key(String(part))] }
            return [.key(String(name))] + indexes.compactMap { $0 }.map { .index($0) }
        }
    }
}

extension ServingContext {
    /// The dataset identifier in the path.
    func datasetID() throws -> DatasetID {
        guard let id = DatasetID(try segment("id")) else {
            throw ValidationFailure(.init("uuid_parsing", ["path", "id"], "Input should be a valid UUID"))
        }
        return id
    }
}
