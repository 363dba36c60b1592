import ArgumentParser
import Butler
import ButlerModel
import ByteText
import Registry
import StructuredData
import TableRendering

struct RemoveCollectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-collections",
        abstract: "Removes collections that are no runs.",
        discussion: """
            Shows what would be removed and asks. Runs that match are shown, and stay: see remove-runs. Either all that \
            is shown is removed or, when one is a member of a chain that stays, nothing.

            With --format json, which needs --no-confirm or --dry-run, a line with the keys name, type, parents and \
            dry_run is printed for each.
            """)

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "Name or glob of the collections to remove.")
    var collection: String

    @OptionGroup var confirmation: ConfirmOption

    @Flag(help: "Take the collections out of chains that have them as members, too.")
    var removeFromParents = false

    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption
    @OptionGroup var optionsFile: OptionsFileOption

    func validate() throws {
        guard format.format == .table || !confirmation.confirm || dryRun.isDryRun else {
            throw ValidationError("--format json asks no questions; give --no-confirm or --dry-run too.")
        }
    }

    func run() async throws {
        let plan = try await DirectButler.open(repository.repository).registry.read {
            [collection, removeFromParents] snapshot in
            try CollectionRemoval(collection, unlinking: removeFromParents, in: snapshot)
        }
        let asks = confirmation.confirm && !dryRun.isDryRun
        if confirmation.confirm || dryRun.isDryRun, format.format == .table {
            try plan.announce()
        }
        guard !plan.collections.isEmpty else { return }
        guard try !asks || Confirmation.ask("Continue?") else {
            var output = CommandOutput()
            try output.lines(["", "Aborted.", ""], headerCount: 0)
            try output.flush()
            return
        }
        if dryRun.isDryRun {
            _ = try plan.order()
        } else {
            let opened = try await DirectButler.open(repository.repository, writeable: true, forFiles: false)
            try await opened.transaction { try plan.run($0.registry) }
        }
        if format.format == .json {
            var output = CommandOutput()
            try output.lines(ResultLines(json: plan.json(isDryRun: dryRun.isDryRun)).lines, headerCount: 0)
            try output.flush()
        } else if !dryRun.isDryRun {
            try plan.report(brief: confirmation.confirm)
        }
    }
}

/// The collections that a glob means, sorted into those to remove and the runs, which stay.
private struct CollectionRemoval: Sendable {
    /// No runs; in the order of names.
    let collections: [CollectionInfo]
    let runs: [String]
    /// Whether chains lose the members that are removed.
    let unlinks: Bool

    init(_ pattern: String, unlinking: Bool, in snapshot: RegistrySnapshot) throws {
        var found: [CollectionInfo] = []
        do {
            found = try snapshot.collectionInfo(CollectionSearch([pattern], includeParents: true))
        } catch let error as ButlerError where error.kind == .missingCollection {
            // What does not exist needs no removal.
        }
        found.sort { $0.name.precedesInBytes($1.name) }
        collections = found.filter { $0.type != .run }
        runs = found.filter { $0.type == .run }.map(\.name)
        unlinks = unlinking
    }

    /// Removes them.
    func run(_ writer: RegistryWriter) throws {
        for name in try order() { try writer.removeCollection(name, unlinking: unlinks) }
    }

    /// The names in the order of removal: chains go before their members, so that a member of a chain that goes too is no
    /// obstacle.
    /// - Throws: `ButlerError` of kind `orphanedRecord` for a member of a chain that stays.
    func order() throws -> [String] {
        let names = Set(names: collections.map(\.name))
        var pending = collections
        var order: [String] = []
        while !pending.isEmpty {
            let left = Set(names: pending.map(\.name))
            // There is always one: chains do not contain themselves.
            let index = pending.firstIndex { ($0.parents ?? []).isDisjoint(with: left) } ?? 0
            let next = pending.remove(at: index)
            let staying = (next.parents ?? []).subtracting(names).sortedTexts()
            guard unlinks || staying.isEmpty else {
                throw ButlerError(
                    .orphanedRecord,
                    "Collection '\(next.name)' is a member of '\(staying.joined(separator: "', '"))'; give "
                        + "--remove-from-parents to take it out of there too.")
            }
            order.append(next.name)
        }
        return order
    }

    // MARK: Output

    private var collectionTable: TextTable {
        var table = TextTable(columns: ["Collection", "Collection Type"], alignment: .left)
        for info in collections { table.append([info.name, info.type.description]) }
        return table
    }

    private var chainTable: TextTable {
        var table = TextTable(columns: ["Child Collection", "Parent Collection"], alignment: .left)
        guard unlinks else { return table }
        for info in collections {
            for (index, parent) in (info.parents ?? []).sortedTexts().enumerated() {
                table.append([index == 0 ? info.name : "", parent])
            }
        }
        return table
    }

    private var runTable: TextTable {
        var table = TextTable(columns: ["Collection"], alignment: .left)
        for name in runs { table.append([name]) }
        return table
    }

    private static func print(_ title: String, _ table: TextTable, endsBlank: Bool = true) throws {
        guard !table.isEmpty else { return }
        var output = CommandOutput()
        try output.lines(["", title], headerCount: 0)
        try output.lines(table.lines(), headerCount: TextTable.headerLineCount)
        if endsBlank { try output.line() }
        try output.flush()
    }

    /// Shows what would be done.
    func announce() throws {
        if collections.isEmpty {
            var output = CommandOutput()
            try output.lines(["", "No non-RUN collections were found."], headerCount: 0)
            try output.flush()
        }
        try Self.print("The following collections will be removed:", collectionTable, endsBlank: false)
        try Self.print("Collections to be removed from their parent collection chains:", chainTable)
        try Self.print(
            "The following RUN collections were found but can NOT be removed by this command:", runTable)
    }

    /// Tells what was done; in brief if it has been shown before.
    func report(brief: Bool) throws {
        guard !brief else {
            var output = CommandOutput()
            try output.lines(["", "Removed collections.", ""], headerCount: 0)
            try output.flush()
            return
        }
        var output = CommandOutput()
        try output.lines(["", "Removed collections:", ""], headerCount: 0)
        try output.lines(collectionTable.lines(), headerCount: TextTable.headerLineCount)
        try output.flush()
        try Self.print("Removed collections from their parent collection chains:", chainTable)
        try Self.print("Found RUN collections but they can NOT be removed by this command:", runTable)
    }

    func json(isDryRun: Bool) -> [StructuredMapping] {
        collections.map { info in
            let parents = unlinks ? (info.parents ?? []).sortedTexts() : []
            return [
                "name": .string(info.name), "type": .string(info.type.description),
                "parents": .array(parents.map { .string($0) }), "dry_run": .bool(isDryRun),
            ]
        }
    }
}
