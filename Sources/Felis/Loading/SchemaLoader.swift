import StructuredData

/// What became of reading one schema.
public struct LoadedSchema: Sendable {
    public var location: SchemaLocation
    /// As the file has it: without the columns that it takes from other schemas. `nil` if it is no schema at all.
    public var written: Schema?
    /// With those columns, after each table's own; `nil` if there is any error.
    public var schema: Schema?
    public var problems: [SchemaProblem]

    public var errorCount: Int { problems.count { $0.severity == .error } }
}

/// Reads and checks schemas. Each file is read once, however many schemas refer to it.
public actor SchemaLoader {
    public nonisolated let options: SchemaOptions
    private let files: any SchemaFiles
    private var loaded: [String: LoadedSchema] = [:]
    /// Files that are being read. Their tasks wait for no other file.
    private var reading: [String: Task<LoadedSchema, Never>] = [:]

    /// How many files may refer to each other in a row.
    private static let depthLimit = 32
    /// How many files are read ahead of the one that is waited for.
    private static let filesAhead = 16

    public init(files: any SchemaFiles = LocalSchemaFiles(), options: SchemaOptions = SchemaOptions()) {
        self.files = files
        self.options = options
    }

    /// Reads a schema and all that it refers to. Whatever is wrong is among the problems; nothing is thrown.
    public func load(_ location: SchemaLocation) async -> LoadedSchema { await load(location, within: []) }

    /// Reads schemas side by side and hands them over one by one, in the order given.
    public nonisolated(nonsending) func load(
        _ locations: [SchemaLocation], _ body: (LoadedSchema) throws -> Void
    ) async rethrows {
        await readAhead(locations.prefix(Self.filesAhead))
        for (index, location) in locations.enumerated() {
            try body(await load(location))
            await readAhead(locations.dropFirst(index + Self.filesAhead).prefix(1))
        }
    }

    private func readAhead(_ locations: ArraySlice<SchemaLocation>) {
        for location in locations {
            let key = location.canonical
            if loaded[key] == nil { _ = read(location, key: key) }
        }
    }

    private func load(_ location: SchemaLocation, within ancestors: [String]) async -> LoadedSchema {
        let key = location.canonical
        if let known = loaded[key] { return known }
        let parsed = await read(location, key: key).value
        let result = await resolve(parsed, key: key, within: ancestors)
        loaded[key] = result
        reading[key] = nil
        return result
    }

    private func read(_ location: SchemaLocation, key: String) -> Task<LoadedSchema, Never> {
        if let task = reading[key] { return task }
        let task = Task.detached { [files, options] in
            do {
                let parsed = Self.parse(try await files.read(location), location: location, options: options)
                // What refers to no other file is finished here, beside the others.
                guard let schema = parsed.written, schema.resources.isEmpty else { return parsed }
                return Self.finished(parsed, schema, resources: [:], failed: [], options: options)
            } catch {
                return LoadedSchema(
                    location: location, written: nil, schema: nil,
                    problems: [
                        SchemaProblem(kind: .unreadable, file: location.text, message: Self.sentence("\(error)"))
                    ])
            }
        }
        reading[key] = task
        return task
    }

    /// Reads one file and checks all that needs no other.
    static func parse(_ bytes: [UInt8], location: SchemaLocation, options: SchemaOptions) -> LoadedSchema {
        let context = ReadingContext(
            file: location.text, options: options, budget: bytes.count + 1_000_000,
            hasAnchors: bytes.contains(UInt8(ascii: "&")))
        do {
            let limits = YAMLLimits(depth: 64, bytes: LocalSchemaFiles.sizeLimit)
            let written = SchemaReader(context: context).schema(try YAMLNode.compose(bytes, limits: limits))
            return LoadedSchema(
                location: location, written: written, schema: context.hasErrors ? nil : written,
                problems: context.problems)
        } catch {
            var problems = context.problems
            problems.append(
                SchemaProblem(
                    kind: .unreadable, file: location.text, position: error.position,
                    message: sentence(error.description)))
            return LoadedSchema(location: location, written: nil, schema: nil, problems: problems)
        }
    }

    /// Messages get their full stop where they are printed.
    private static func sentence(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }

    private func resolve(_ parsed: LoadedSchema, key: String, within ancestors: [String]) async -> LoadedSchema {
        guard let schema = parsed.written, !schema.resources.isEmpty else { return parsed }
        var result = parsed
        var resources: [String: Schema] = [:]
        var failed: Set<String> = []
        for resource in schema.resources {
            let location = parsed.location.resolving(resource.uri)
            let resourceKey = location.canonical
            func fail(_ reason: String, remedy: String? = nil) {
                failed.insert(resource.alias)
                result.problems.append(
                    SchemaProblem(
                        kind: .value, file: parsed.location.text, position: resource.position,
                        path: [.key("resources"), .key(resource.alias)],
                        message: "Failed to load resource '\(resource.alias)' from '\(resource.uri)': \(reason)",
                        remedy: remedy))
            }
            if resourceKey == key || ancestors.contains(resourceKey) {
                fail("the files refer to each other in a circle", remedy: "remove one of the references")
                continue
            }
            guard ancestors.count < Self.depthLimit else {
                fail("more than \(Self.depthLimit) files refer to each other in a row")
                continue
            }
            let loaded = await load(location, within: ancestors + [key])
            if let schema = loaded.schema {
                resources[resource.alias] = schema
            } else {
                let errors = loaded.problems.filter { $0.severity == .error }
                let first = errors.first.map { "\($0)" } ?? "it has errors"
                fail(errors.count > 1 ? "\(errors.count) errors, the first: \(first)" : first)
            }
        }
        return Self.finished(result, schema, resources: resources, failed: failed, options: options)
    }

    /// Adds the columns that come from other schemas, and checks the whole.
    private static func finished(
        _ parsed: LoadedSchema, _ written: Schema, resources: [String: Schema], failed: Set<String>,
        options: SchemaOptions
    ) -> LoadedSchema {
        var result = parsed
        var schema = written
        let file = parsed.location.text
        var resolver = ReferenceResolver(
            file: file, resources: resources, failed: failed, increment: options.referenceIndexIncrement)
        resolver.resolve(&schema)
        result.problems += resolver.problems
        result.problems += SchemaChecks(file: file, schema: schema, isWhole: result.errorCount == 0, options: options)
            .problems()
        result.schema = result.errorCount == 0 ? schema : nil
        return result
    }
}

extension YAMLError {
    /// Where the error is, if it has a place.
    var position: TextPosition? {
        switch self {
        case .syntax(_, let at), .invalidScalar(_, _, let at), .wrongKind(_, _, let at), .unknownTag(_, let at),
            .unusableKey(_, let at), .invalidMerge(_, let at), .mergeOfParts(let at),
            .undefinedAlias(_, let at), .recursiveAlias(_, let at), .duplicateAnchor(_, let at), .severalDocuments(let at), .tooDeep(_, let at),
            .tooManyAliasedValues(_, let at):
            at
        case .tooLarge: nil
        }
    }
}
