import ArgumentParser
import Butler
import Registry

/// `steward publish-types`: which dataset types are shown to users of a server.
struct PublishTypesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish-types",
        abstract: "Look after a repository's catalogue of published dataset types.",
        subcommands: [Check.self])

    func run() throws { throw MissingSubcommand(of: Self.self) }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Compare the catalogue with the repository's dataset types.",
            discussion: """
                The catalogue is \(PublishedTypes.fileName) beside butler.yaml. The exit status is 1 if either side has \
                something that the other lacks.
                """)

        @OptionGroup var repository: RepositoryArgument

        func run() async throws {
            let butler = try await DirectButler.open(repository.repository)
            guard let published = try butler.configuration.publishedTypes() else {
                throw CommandFailure.refused(
                    "The repository has no \(PublishedTypes.fileName), so all dataset types are shown to everyone.")
            }
            let gaps = try await butler.registry.read { $0.gaps(of: published) }
            var output = CommandOutput()
            for name in gaps.unpublished { try output.line("\(name): in the repository, not in the catalogue") }
            for name in gaps.unknown { try output.line("\(name): in the catalogue, not in the repository") }
            if gaps.isEmpty { try output.line("The catalogue names all dataset types, and no others.") }
            try output.flush()
            if !gaps.isEmpty { throw ExitCode(1) }
        }
    }
}
