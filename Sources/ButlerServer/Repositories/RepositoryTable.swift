public import ButlerModel

/// The repositories of one server, by label.
public struct RepositoryTable: Sendable {
    public struct Entry: Sendable {
        public let repository: any ServedRepository
        /// Groups whose members may use the repository; `*` stands for everyone.
        public let authorizedGroups: Set<ExactName>

        public init(_ repository: any ServedRepository, authorizedGroups: Set<ExactName> = ["*"]) {
            self.repository = repository
            self.authorizedGroups = authorizedGroups
        }
    }

    private let entries: [String: Served]

    /// An entry with what is computed once.
    struct Served: Sendable {
        let label: String
        let entry: Entry
        /// The response of the `universe` route.
        let universeDocument: [UInt8]
    }

    public init(_ entries: [String: Entry]) {
        var served: [String: Served] = [:]
        for (label, entry) in entries {
            served[label] = Served(
                label: label, entry: entry,
                universeDocument: entry.repository.universe.configuration.wireDocument)
        }
        self.entries = served
    }

    /// All, in no order.
    var all: [Served] { Array(entries.values) }

    subscript(label: String) -> Served? { entries[label] }

    /// All labels, in alphabetical order. Not everyone may know all of them: see `AccessRules`.
    var labels: [String] { entries.keys.sorted() }
}
