/// A key of the templates, formatters, composites, constraints and cache sections: which datasets an entry is for.
public struct LookupKey: Hashable, Sendable, CustomStringConvertible {
    public enum Subject: Hashable, Sendable {
        /// A dataset type, a component (`type.component`) or a storage class.
        case name(String)
        /// All dataset types with exactly these dimensions.
        case dimensions(Set<String>)
    }

    /// The data ID value that a dataset must have, from a `key<value>` mapping. Only `instrument` is ever looked up.
    public struct Restriction: Hashable, Sendable {
        public var key: String
        public var value: String

        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }

        /// Reads `instrument<HSC>`; `nil` if the text has another form.
        public init?(parsing text: String) {
            guard text.hasSuffix(">"), let bracket = text.firstIndex(of: "<"), bracket != text.startIndex,
                text[..<bracket].allSatisfy({ $0 == "_" || ("a"..."z").contains($0) })
            else { return nil }
            key = String(text[..<bracket])
            value = String(text[text.index(after: bracket)...].dropLast())
        }
    }

    public var subject: Subject
    public var restriction: Restriction?

    /// Completes dimension names to a whole group (required and implied dimensions included); `nil` if the universe
    /// lacks one of the names.
    public typealias DimensionConformer = @Sendable (_ names: [String]) -> Set<String>?

    public init(name: String, restriction: Restriction? = nil) {
        subject = .name(name)
        self.restriction = restriction
    }

    public init(dimensions: Set<String>, restriction: Restriction? = nil) {
        subject = .dimensions(dimensions)
        self.restriction = restriction
    }

    /// Reads configuration text: with a `+` it is a dimension group (a single dimension is `a+`), else a name.
    public init(parsing text: String, restriction: Restriction? = nil) {
        subject =
            text.contains("+")
            ? .dimensions(Set(text.split(separator: "+").map(String.init))) : .name(text)
        self.restriction = restriction
    }

    /// The same with its dimension group completed. A group with an unknown dimension matches nothing; it stays as
    /// it is, for defaults may name dimensions that another universe lacks.
    public func conformed(by conform: DimensionConformer) -> LookupKey {
        guard case .dimensions(let names) = subject else { return self }
        guard let conformed = conform(names.sorted()) else {
            return LookupKey(name: names.sorted().joined(separator: "+"), restriction: restriction)
        }
        return LookupKey(dimensions: conformed, restriction: restriction)
    }

    public var description: String {
        let text =
            switch subject {
            case .name(let name): name
            case .dimensions(let names): names.count == 1 ? names.joined() + "+" : names.sorted().joined(separator: "+")
            }
        return restriction.map { "\($0.key)<\($0.value)>: \(text)" } ?? text
    }
}

/// What is known of a dataset when configuration is looked up for it.
public struct LookupSubject: Hashable, Sendable {
    /// The dataset type's full name; with a component, `parent.component`.
    public var datasetType: String
    /// The parent's name if this is a component.
    public var parent: String?
    /// All dimensions of the dataset type, required and implied.
    public var dimensions: Set<String>
    public var storageClass: String
    /// The parent's storage class if this is a component.
    public var parentStorageClass: String?
    /// The data ID's instrument.
    public var instrument: String?

    public init(
        datasetType: String, parent: String? = nil, dimensions: Set<String>, storageClass: String,
        parentStorageClass: String? = nil, instrument: String? = nil
    ) {
        self.datasetType = datasetType
        self.parent = parent
        self.dimensions = dimensions
        self.storageClass = storageClass
        self.parentStorageClass = parentStorageClass
        self.instrument = instrument
    }

    /// The keys that could match, best first: those for its instrument, then the same without.
    public var keys: [LookupKey] {
        var general = [LookupKey(name: datasetType)]
        if let parent { general.append(LookupKey(name: parent)) }
        if !dimensions.isEmpty { general.append(LookupKey(dimensions: dimensions)) }
        general.append(LookupKey(name: storageClass))
        if parent != nil, let parentStorageClass { general.append(LookupKey(name: parentStorageClass)) }
        guard let instrument else { return general }
        let restriction = LookupKey.Restriction(key: "instrument", value: instrument)
        return general.map { LookupKey(subject: $0.subject, restriction: restriction) } + general
    }
}

extension LookupKey {
    init(subject: Subject, restriction: Restriction?) {
        self.subject = subject
        self.restriction = restriction
    }
}
