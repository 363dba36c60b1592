import ButlerModel
import Database

/// Changes to the members of chains: the one writer of `collection_chain`.
///
/// Members have positions, which order them and need not be dense: members are added before the least or after the
/// greatest. So clients that add to one chain at the same time do not have to agree on more than that, and each waits
/// for the other's transaction. Names that are given twice count once, at their first place.
/// Source: repository format reference, sections 2.3 and 7.1.
extension RegistryWriter {
    /// Gives a chain these members, in search order, in place of those it has.
    /// - Throws: `ButlerError` of kind `missingCollection`, also for one that another client removes
    ///   meanwhile, `collectionType` when `name` is no chain, or `collectionCycle` when the chain would contain itself. The
    ///   other methods throw the same.
    public func setChain(_ name: String, children: [String]) throws {
        try editChain(name, children) { chain, members in
            try deleteMembers(of: chain)
            try insertMembers(members.map(\.key), into: chain, from: 0)
        }
    }

    /// ``setChain(_:children:)`` for several chains in one transaction, in this order. All locks are taken at its
    /// beginning, in one order, so that of several writers each has only to wait.
    public func setChains(_ chains: [(name: String, children: [String])]) throws {
        guard !chains.isEmpty else { return }
        try atomically {
            let collections = snapshot.catalog.collections
            let parents = try chains.map { try collections.require($0.name) }
            if try chains.contains(where: { try $0.children.contains { try collections.require($0).type == .chained } }) {
                try lockNesting()
            }
            try lockRows(of: parents, isShared: false)
            for chain in chains { try setChain(chain.name, children: chain.children) }
        }
    }

    /// Puts members before all others. Those that the chain has already move to the front.
    public func prependToChain(_ name: String, children: [String]) throws {
        try editChain(name, children) { chain, members in
            try deleteMembers(members, of: chain)
            var first = (try positions(of: chain)?.lowerBound ?? 0) - Int64(members.count)
            if first < Self.legalPositions.lowerBound {
                try renumber(chain, from: Int64(members.count))
                first = 0
            }
            try insertMembers(members.map(\.key), into: chain, from: first)
        }
    }

    /// Puts members after all others. Those that the chain has already move to the end.
    public func extendChain(_ name: String, children: [String]) throws {
        try editChain(name, children) { chain, members in
            try deleteMembers(members, of: chain)
            var first = (try positions(of: chain)?.upperBound ?? 0) + 1
            if first + Int64(members.count) - 1 > Self.legalPositions.upperBound {
                first = try renumber(chain, from: Self.legalPositions.lowerBound)
            }
            try insertMembers(members.map(\.key), into: chain, from: first)
        }
    }

    /// Takes members out of a chain; those that it does not have are left alone.
    public func removeFromChain(_ name: String, children: [String]) throws {
        try editChain(name, children, canCycle: false) { try deleteMembers($1, of: $0) }
    }

    /// Takes the members at these places out of a chain: 0 is the first, -1 the last.
    /// - Returns: their names.
    /// - Throws: `ButlerError` of kind `malformedModel` when there is no such place.
    @discardableResult
    public func popFromChain(_ name: String, at places: [Int] = [0]) throws -> [String] {
        let collections = snapshot.catalog.collections
        let members = collections.children(of: try require(name, .chained)).map(\.name)
        let popped = try places.map { place in
            members[try Self.index(of: place, among: members.count, inChain: name)]
        }
        try removeFromChain(name, children: popped)
        return popped
    }

    /// Takes a collection out of all chains.
    func unlink(_ collection: CollectionCatalog.Entry) throws {
        try connection.execute(
            "DELETE FROM \(table: "collection_chain") WHERE \(column: "child") = \(value: collection.key)")
    }

    // MARK: Parts

    /// What the column holds.
    private static let legalPositions = Int64(Int16.min)...Int64(Int16.max)

    private func editChain(
        _ name: String, _ children: [String], canCycle: Bool = true,
        _ edit: (CollectionCatalog.Entry, [CollectionCatalog.Entry]) throws -> Void
    ) throws {
        let collections = snapshot.catalog.collections
        let parent = try collections.require(name)
        guard parent.type == .chained else {
            throw ButlerError(.collectionType, "Collection '\(name)' is \(parent.type), not a chain.")
        }
        var seen = Set<Int64>()
        let members = try children.map { try collections.require($0) }.filter { seen.insert($0.key).inserted }
        guard !canCycle || !collections.wouldCycle(parent: parent, children: members) else {
            throw ButlerError.cycle(of: name, through: children)
        }
        guard members.count <= Self.legalPositions.count else {
            throw ButlerError(
                .malformedModel,
                "A chain cannot have \(members.count) members; the most is \(Self.legalPositions.count).")
        }
        try atomically {
            try referring(to: [parent] + members) {
                let nests = canCycle && members.contains { $0.type == .chained }
                // Two edits could close a circle, each of them one half.
                if nests {
                    try lockNesting()
                }
                // Whoever edits a chain, Python clients among them, holds its row.
                try lockRows(of: [parent], isShared: false)
                if nests {
                    let below = snapshot.catalog.collections.flattened(members, includingChains: true)
                    try lockRows(of: below.filter { $0.type == .chained }, isShared: true)
                }
                try edit(parent, members)
                try refresh()
                // Others may have changed the chains below before their rows were to be had.
                guard !canCycle || !snapshot.catalog.collections.wouldCycle(parent: parent, children: members) else {
                    throw ButlerError.cycle(of: name, through: children)
                }
            }
        }
    }

    /// Waits for other edits that put chains into chains, and sees what they did.
    private func lockNesting() throws {
        try connection.lock(name: "chains in chains", isExclusive: true)
        try refresh()
    }

    private func lockRows(of collections: [CollectionCatalog.Entry], isShared: Bool) throws {
        try connection.lockRows(
            """
            SELECT \(column: "collection_id") FROM \(table: "collection") \
            WHERE \(SQL.isIn("\(column: "collection_id")", collections.map { .int($0.key) })) \
            ORDER BY \(column: "collection_id")
            """, isShared: isShared)
    }

    private func positions(of chain: CollectionCatalog.Entry) throws -> ClosedRange<Int64>? {
        try connection.fetchOne(
            """
            SELECT MIN(\(column: "position")), MAX(\(column: "position")) FROM \(table: "collection_chain") \
            WHERE \(column: "parent") = \(value: chain.key)
            """
        ) { row in row.isNull(0) ? nil : try row.int(0)...(try row.int(1)) } ?? nil
    }

    private func deleteMembers(of chain: CollectionCatalog.Entry) throws {
        try connection.execute(
            "DELETE FROM \(table: "collection_chain") WHERE \(column: "parent") = \(value: chain.key)")
    }

    private func deleteMembers(_ members: [CollectionCatalog.Entry], of chain: CollectionCatalog.Entry) throws {
        try connection.execute(
            """
            DELETE FROM \(table: "collection_chain") WHERE \(column: "parent") = \(value: chain.key) AND \
            \(SQL.isIn("\(column: "child")", members.map { .int($0.key) }))
            """)
    }

    private func insertMembers(_ keys: [Int64], into chain: CollectionCatalog.Entry, from first: Int64) throws {
        try connection.executeMany(
            try SQL.insert(into: schema.collectionChain, columns: ["parent", "position", "child"]),
            rows: keys.enumerated().map { [.int(chain.key), .int(first + Int64($0)), .int($1)] })
    }

    /// Gives the members consecutive positions, because edits at one end have used up the column's range.
    /// - Returns: the position after the last.
    @discardableResult
    private func renumber(_ chain: CollectionCatalog.Entry, from first: Int64) throws -> Int64 {
        let keys = try connection.fetchAll(
            """
            SELECT \(column: "child") FROM \(table: "collection_chain") WHERE \(column: "parent") = \(value: chain.key) \
            ORDER BY \(column: "position")
            """
        ) { try $0.int(0) }
        guard first + Int64(keys.count) - 1 <= Self.legalPositions.upperBound else {
            throw ButlerError(.malformedModel, "The chain '\(chain.name)' has too many members to add more.")
        }
        try deleteMembers(of: chain)
        try insertMembers(keys, into: chain, from: first)
        return first + Int64(keys.count)
    }
}
