import ButlerModel
import ByteText
import StructuredData

/// Which dataset types a repository shows to whom: see `docs/access.md`.
public struct PublishedTypes: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public var description: String
        public var audience: Audience
    }

    /// The name of the file, in the directory of `butler.yaml`.
    public static let fileName = "published-dataset-types.yaml"

    /// By name of the dataset type.
    public private(set) var entries: [String: Entry]

    /// - Parameter origin: the file's name for messages.
    /// - Throws: ``PublishedTypesError``. Nothing is guessed, since a mistake could show what must not be seen.
    public init(yaml text: String, origin: String) throws(PublishedTypesError) {
        func failure(_ reason: String) -> PublishedTypesError { PublishedTypesError(origin: origin, reason: reason) }
        let document: StructuredValue
        do {
            document = try StructuredValue(yaml: text)
        } catch {
            throw failure("is not YAML: \(error)")
        }
        guard let top = document.objectValue, let types = top["dataset_types"]?.objectValue, top.pairs.count == 1 else {
            throw failure("must hold one mapping, 'dataset_types'")
        }
        entries = [:]
        for (name, value) in types.pairs {
            guard (try? DatasetType.checkName(name)) != nil, DatasetType.split(name).component == nil else {
                throw failure("names '\(name)', which cannot be a dataset type")
            }
            guard let members = value.objectValue else {
                throw failure("must give '\(name)' a mapping, not \(value.kindName)")
            }
            for (key, _) in members.pairs where key != "description" && key != "groups" {
                throw failure("gives '\(name)' the unknown member '\(key)'; there are 'description' and 'groups'")
            }
            guard let description = members["description"]?.stringValue else {
                throw failure("lacks the text 'description' for '\(name)'")
            }
            var audience = Audience.everyone
            if let groups = members["groups"] {
                guard let list = groups.arrayValue, case let names = list.compactMap(\.stringValue),
                    names.count == list.count
                else { throw failure("must give '\(name)' a list of texts as 'groups'") }
                if !names.contains("*") { audience = .groups(Set(names.map { ExactName($0) })) }
            }
            entries[name] = Entry(description: description, audience: audience)
        }
    }

    func shows(_ type: DatasetType, groups: Set<ExactName>) -> Bool {
        entries[type.name]?.audience.includes(anyOf: groups) ?? false
    }

    /// The groups that the catalogue mentions.
    var groups: Set<ExactName> {
        entries.values.reduce(into: []) { all, entry in
            if case .groups(let names) = entry.audience { all.formUnion(names) }
        }
    }
}

/// What is wrong with a catalogue of published dataset types.
public struct PublishedTypesError: Error, Equatable, Sendable, CustomStringConvertible {
    public let origin: String
    public let reason: String

    public init(origin: String, reason: String) {
        self.origin = origin
        self.reason = reason
    }

    public var description: String { "The catalogue of published dataset types '\(origin)' \(reason)." }
}
