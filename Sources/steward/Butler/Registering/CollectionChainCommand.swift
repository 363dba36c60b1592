import ArgumentParser
import Butler
import ButlerModel
import ByteText
import Registry

struct CollectionChainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collection-chain",
        abstract: "Defines a chain of collections, or changes its members.",
        discussion: """
            Prints the members that the chain has in the end. With --mode pop the children are places in the chain: 0 \
            is the first, and after '--' -1 the last.

            With --format json a line with the keys name, children and dry_run is printed.
            """)

    enum Mode: String, CaseIterable, ExpressibleByArgument { case redefine, extend, remove, prepend, pop }

    @ParentCommand var butler: ButlerCommand
    @OptionGroup var repository: RepositoryArgument

    @Argument(help: "The chain.")
    var parent: String

    @Argument(help: ArgumentHelp("The members to put in or take out, separated by commas too.", valueName: "children"))
    var childArguments: [String] = []

    @Option(parsing: .unconditional, help: "What a new chain is for.")
    var doc: String = ""

    @Flag(
        inversion: .prefixedNo, exclusivity: .chooseLast, help: "Replace chains among the children by their members.")
    var flatten = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "What to do.",
            discussion: """
                redefine makes the children the only members; prepend and extend put them first or last. These make \
                the chain if need be. remove takes children out of the chain, and pop those at the given places, or \
                the first.
                """, valueName: "mode"))
    var mode: Mode = .redefine

    @OptionGroup var dryRun: DryRunOption
    @OptionGroup var format: FormatOption

    func run() async throws {
        let children = CommaSeparated.values(childArguments)
        let edit = try ChainEdit(mode, children, flattens: flatten)
        let opened = try await DirectButler.open(repository.repository, writeable: !dryRun.isDryRun, forFiles: false)
        let (parent, doc) = (parent, doc.isEmpty ? nil : doc)
        let members =
            dryRun.isDryRun
            ? try await opened.registry.read { try edit.rehearse(parent, $0) }
            : try await opened.transaction { transaction in
                try edit.run(parent, documentation: doc, transaction.registry)
                return try transaction.registry.snapshot.members(of: parent)
            }
        var output = CommandOutput()
        switch format.format {
        case .json:
            try output.lines(
                ResultLines(json: [
                    [
                        "name": .string(parent), "children": .array(members.map { .string($0) }),
                        "dry_run": .bool(dryRun.isDryRun),
                    ]
                ]).lines, headerCount: 0)
        case .table: try output.line("[\(members.joined(separator: ", "))]")
        }
        try output.flush()
    }
}

/// What `collection-chain` is to do.
private enum ChainEdit: Sendable {
    case redefine([String], flattens: Bool)
    case prepend([String], flattens: Bool)
    case extend([String], flattens: Bool)
    case remove([String])
    case pop([Int])

    init(_ mode: CollectionChainCommand.Mode, _ children: [String], flattens: Bool) throws {
        guard mode == .pop || !children.isEmpty else {
            throw CommandFailure.refused("Name the children that --mode \(mode.rawValue) is about.")
        }
        switch mode {
        case .redefine: self = .redefine(children, flattens: flattens)
        case .prepend: self = .prepend(children, flattens: flattens)
        case .extend: self = .extend(children, flattens: flattens)
        case .remove, .pop:
            guard !flattens else {
                throw CommandFailure.refused("--flatten does not go together with --mode \(mode.rawValue).")
            }
            guard mode == .pop else {
                self = .remove(children)
                return
            }
            let places = try children.map { text in
                guard let place = Int(text) else {
                    throw CommandFailure.refused("--mode pop takes places such as 0 or -1, not '\(text)'.")
                }
                return place
            }
            self = .pop(places.isEmpty ? [0] : places)
        }
    }

    /// The members that the chain would have.
    func rehearse(_ parent: String, _ snapshot: RegistrySnapshot) throws -> [String] {
        func result(
            _ children: [String], flattens: Bool, _ edit: ([String], [String]) -> [String]
        ) throws -> [String] {
            // A chain that does not exist yet is an empty one.
            let isNew = try snapshot.collectionInfo(CollectionSearch()).allSatisfy { !$0.name.hasSameBytes(as: parent) }
            let named = flattens && isNew ? children.filter { !$0.hasSameBytes(as: parent) } : children
            return try snapshot.wouldEditChain(
                parent, children: flattens ? try snapshot.flatten(named) : named, makesChain: true, edit)
        }
        switch self {
        case .redefine(let children, let flattens): return try result(children, flattens: flattens) { $1 }
        case .prepend(let children, let flattens):
            return try result(children, flattens: flattens) { old, new in new + old.without(new) }
        case .extend(let children, let flattens):
            return try result(children, flattens: flattens) { old, new in old.without(new) + new }
        case .remove(let children):
            return try snapshot.wouldEditChain(parent, children: children, makesChain: false) { old, gone in
                old.without(gone)
            }
        case .pop(let places): return try snapshot.wouldPopFromChain(parent, at: places)
        }
    }

    func run(_ parent: String, documentation: String?, _ writer: RegistryWriter) throws {
        func members(_ children: [String], _ flattens: Bool) throws -> [String] {
            try writer.makeChain(parent, documentation: documentation)
            return flattens ? try writer.snapshot.flatten(children) : children
        }
        switch self {
        case .redefine(let children, let flattens):
            try writer.setChain(parent, children: try members(children, flattens))
        case .prepend(let children, let flattens):
            try writer.prependToChain(parent, children: try members(children, flattens))
        case .extend(let children, let flattens):
            try writer.extendChain(parent, children: try members(children, flattens))
        case .remove(let children): try writer.removeFromChain(parent, children: children)
        case .pop(let places): try writer.popFromChain(parent, at: places)
        }
    }
}

extension [String] {
    fileprivate func without(_ names: [String]) -> [String] {
        let names = Set(names: names)
        return filter { !names.contains($0) }
    }
}

extension RegistryWriter {
    /// Makes sure that a chain exists. What has the name but is no chain, the edit that follows refuses.
    fileprivate func makeChain(_ name: String, documentation: String?) throws {
        guard try snapshot.collectionInfo(CollectionSearch()).allSatisfy({ !$0.name.hasSameBytes(as: name) }) else { return }
        try registerCollection(name, type: .chained, documentation: documentation)
    }
}

extension RegistrySnapshot {
    fileprivate func members(of chain: String) throws -> [String] {
        try collectionInfo(CollectionSearch()).first { $0.name.hasSameBytes(as: chain) }?.children ?? []
    }
}
