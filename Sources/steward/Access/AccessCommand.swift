import ArgumentParser
import Butler
import ButlerModel
import ByteText
import Registry

/// `steward access`: who may read which collections.
struct AccessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "access",
        abstract: "Say who may read which collections through a server.",
        discussion: """
            Once this is enabled for a repository, u/<user>/… belongs to that user and g/<group>/… to that group, and everything \
            else to all. Grants let others read them. Who opens the repository without a server reads all of it.
            """,
        subcommands: [Enable.self, Disable.self, Grant.self, Revoke.self, Show.self])

    func run() throws { throw MissingSubcommand(of: Self.self) }
}

/// Whom a grant is for.
struct AudienceOptions: ParsableArguments {
    @Option(
        name: .customLong("group"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A group; may be repeated.", valueName: "group"))
    var groups: [String] = []

    @Flag(help: "Everyone who may use the repository.")
    var everyone = false

    var audience: Audience { everyone ? .everyone : .groups(Set(groups.map { ExactName($0) })) }

    func validate() throws {
        guard everyone != !groups.isEmpty else { throw ValidationError("Give either --group or --everyone.") }
        guard groups.allSatisfy({ !$0.isEmpty && $0 != "*" }) else {
            throw ValidationError("A group needs a name; for all users there is --everyone.")
        }
    }
}

extension AccessCommand {
    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "From now on, u/<user>/… and g/<group>/… are their owners' own.")

        @OptionGroup var repository: RepositoryArgument

        func run() async throws {
            try await change(repository.repository) { writer in
                guard !writer.hasCollectionAccess else { return ["The rules are enabled already."] }
                try writer.enableCollectionAccess()
                return ["Enabled. Collections u/<user>/… and g/<group>/… are now their owners', and others' by grants."]
            }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Let everyone read everything again, and forget all grants.")

        @OptionGroup var repository: RepositoryArgument

        func run() async throws {
            try await change(repository.repository) { writer in
                try writer.disableCollectionAccess()
                return ["Disabled. Everyone who may use the repository can read all of it."]
            }
        }
    }

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "grant", abstract: "Let groups, or everyone, read collections.",
            discussion: "Globs stand for the collections that exist now. Members of chains are granted for themselves.")

        @OptionGroup var repository: RepositoryArgument
        @Argument(help: "Collections, as names or globs.") var collections: [String]
        @OptionGroup var audience: AudienceOptions

        func run() async throws {
            let (patterns, audience) = (collections, audience.audience)
            try await change(repository.repository) { writer in
                try requireEnabled(writer.snapshot)
                let names = try AccessCommand.collections(patterns, writer.snapshot)
                try writer.grant(audience, on: names)
                return names.map { name in
                    CollectionOwner(collection: name) == nil
                        ? "\(name) is nobody's own: everyone may read it anyway."
                        : "\(name) may be read by \(AccessCommand.text(audience))."
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Take back what was granted. Owners keep what is theirs.")

        @OptionGroup var repository: RepositoryArgument
        @Argument(help: "Collections, as names or globs.") var collections: [String]
        @OptionGroup var audience: AudienceOptions

        func run() async throws {
            let (patterns, audience) = (collections, audience.audience)
            try await change(repository.repository) { writer in
                try requireEnabled(writer.snapshot)
                let count = try writer.revoke(audience, on: try AccessCommand.collections(patterns, writer.snapshot))
                return [count == 1 ? "Took back 1 grant." : "Took back \(count) grants."]
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "List the collections that have an owner, and who else may read them.")

        @OptionGroup var repository: RepositoryArgument
        @Argument(help: "Collections, as names or globs. (default: all)") var collections: [String] = []

        func run() async throws {
            let patterns = collections.isEmpty ? ["*"] : collections
            let registry = try await DirectButler.open(repository.repository).registry
            try await AccessCommand.print(
                registry.read { snapshot in
                    try requireEnabled(snapshot)
                    return try AccessCommand.collections(patterns, snapshot).compactMap { name in
                        let owner: String
                        switch CollectionOwner(collection: name) {
                        case .user(let user): owner = "user \(user)"
                        case .group(let group): owner = "group \(group)"
                        case nil: return nil
                        }
                        let others = try snapshot.grant(on: name).map { ", \(AccessCommand.text($0))" } ?? ""
                        return "\(name): \(owner)\(others)"
                    }
                })
        }
    }

    // MARK: Parts

    fileprivate static func print(_ lines: [String]) throws {
        var output = CommandOutput()
        for line in lines { try output.line(line) }
        try output.flush()
    }

    fileprivate static func collections(_ patterns: [String], _ snapshot: RegistrySnapshot) throws -> [String] {
        let names = try snapshot.collectionInfo(CollectionSearch(patterns)).map(\.name)
        guard !names.isEmpty || patterns == ["*"] else {
            throw CommandFailure.refused("No collection matches \(patterns.map { "'\($0)'" }.joined(separator: ", ")).")
        }
        return names
    }

    fileprivate static func text(_ audience: Audience) -> String {
        switch audience {
        case .everyone: "everyone"
        case .groups(let names): names.sorted().map { "group \($0)" }.joined(separator: ", ")
        }
    }
}

private func change(
    _ repository: String, _ body: @escaping @Sendable (RegistryWriter) throws -> [String]
) async throws {
    let registry = try await DirectButler.open(repository, writeable: true).registry
    try AccessCommand.print(try await registry.write(body))
}

private func requireEnabled(_ snapshot: RegistrySnapshot) throws {
    guard snapshot.hasCollectionAccess else {
        throw CommandFailure.refused(
            "This repository has no rules about collections, so everyone may read all; see 'steward access enable'.")
    }
}
