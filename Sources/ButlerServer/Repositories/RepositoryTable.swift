public import ButlerModel
import ByteText

/// The repositories of one server, by label.
public struct RepositoryTable: Sendable {
    public struct Entry: Sendable {
        let place: RepositoryPlace
        /// Groups whose members may use the repository; `*` stands for everyone.
        public let authorizedGroups: Set<ExactName>

        public init(_ repository: any ServedRepository, authorizedGroups: Set<ExactName> = ["*"]) {
            self.init(RepositoryPlace(repository), authorizedGroups: authorizedGroups)
        }

        init(_ place: RepositoryPlace, authorizedGroups: Set<ExactName>) {
            self.place = place
            self.authorizedGroups = authorizedGroups
        }
    }

    private let entries: [String: Served]

    struct Served: Sendable {
        let label: String
        let entry: Entry

        /// - Throws: `DatabaseError`, an outage, while the repository is not open yet.
        var repository: any ServedRepository { get throws { try entry.place.content.repository } }
        /// The response of the `universe` route.
        /// - Throws: likewise.
        var universeDocument: [UInt8] { get throws { try entry.place.content.universeDocument } }
    }

    public init(_ entries: [String: Entry]) {
        var served: [String: Served] = [:]
        for (label, entry) in entries { served[label] = Served(label: label, entry: entry) }
        self.entries = served
    }

    /// All, in no order.
    var all: [Served] { Array(entries.values) }

    subscript(label: String) -> Served? { entries[label] }

    /// All labels, in alphabetical order. Not everyone may know all of them: see `AccessRules`.
    var labels: [String] { entries.keys.sorted() }
}
