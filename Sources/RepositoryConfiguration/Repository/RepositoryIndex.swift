import StructuredData

/// The labels by which a site's repositories are known.
public struct RepositoryIndex: Sendable, Equatable {
    /// Label and address pairs in the order of the source.
    public let entries: [(label: String, address: String)]

    public static let fileVariable = "DAF_BUTLER_REPOSITORY_INDEX"
    public static let inlineVariable = "DAF_BUTLER_REPOSITORIES"

    public static func == (a: RepositoryIndex, b: RepositoryIndex) -> Bool {
        a.entries.elementsEqual(b.entries) { $0 == $1 }
    }

    /// The address of a label, byte for byte as the index has it.
    public subscript(label: String) -> String? { entries.first { $0.label == label }?.address }

    public var labels: [String] { entries.map(\.label) }

    /// Reads the index that `DAF_BUTLER_REPOSITORY_INDEX` (a file) or `DAF_BUTLER_REPOSITORIES` (YAML text) gives;
    /// `nil` if neither is set.
    ///
    /// - Throws: ``ConfigurationError`` if both are set, or the index is missing or not a mapping of text to text.
    public static func load(
        environment: ConfigurationEnvironment, remote: (any RemoteConfigurationReader)? = nil
    ) async throws -> RepositoryIndex? {
        let file = environment[fileVariable]
        let inline = environment[inlineVariable]
        if file != nil && inline != nil {
            throw ConfigurationError.conflictingEnvironment(fileVariable, inlineVariable)
        }
        if let inline {
            let value: StructuredValue
            do {
                value = try StructuredValue(yaml: inline)
            } catch {
                throw ConfigurationError.syntax(location: "$\(inlineVariable)", reason: "\(error)")
            }
            guard case .object(let mapping) = value else {
                throw ConfigurationError.repositoryIndex(
                    reason: "$\(inlineVariable) must be a mapping of labels to addresses, not \(value.kindName)")
            }
            return try RepositoryIndex(mapping, source: "$\(inlineVariable)")
        }
        guard let file else { return nil }
        let loader = ConfigurationLoader(reader: ConfigurationReader(remote: remote), environment: environment)
        guard let document = try await loader.load(ConfigurationLocation(file, environment: environment)) else {
            throw ConfigurationError.repositoryIndex(
                reason: "the file \(file) that $\(fileVariable) names does not exist")
        }
        return try RepositoryIndex(document.values, source: document.name)
    }

    private init(_ mapping: StructuredMapping, source: String) throws {
        entries = try mapping.pairs.map { label, value in
            guard let address = value.stringValue else {
                throw ConfigurationError.repositoryIndex(
                    reason: "label \"\(label)\" of \(source) must have an address as text, not \(value.kindName)")
            }
            return (label, address)
        }
    }
}
