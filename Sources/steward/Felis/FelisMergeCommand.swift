import ArgumentParser
import Felis
import Foundation

struct FelisMergeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Carries the changes of a release over to a reference model.",
        discussion: """
            What changed from the ancestor to the release is changed in the reference's file, which keeps its \
            comments, order and quoting. Every decision is shown; the exit status is 1 if there are conflicts, \
            which stay as the reference has them, or changes that are left to do by hand. Without --output-file or \
            --in-place nothing is written.
            """)

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("The version that both grew from.", valueName: "ancestor"))
    var ancestor: String

    @Argument(help: ArgumentHelp("The release.", valueName: "release"))
    var release: String

    @Argument(help: ArgumentHelp("The file of the reference model.", valueName: "reference"))
    var reference: String

    @Option(
        help: ArgumentHelp(
            "Only these keys, separated by commas, such as description,ivoa:ucd; 'columns', 'tables', 'constraints' "
                + "and 'indexes' for new and removed ones. None that is unknown, or without any change.",
            valueName: "keys"))
    var only: String?

    @Flag(help: "Change the file of the reference model.")
    var inPlace = false

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("File for the result.", valueName: "file"))
    var outputFile: String?

    func run() async throws {
        let schema = try await felis.schema(reference)
        guard let bytes = FileManager.default.contents(atPath: reference) else {
            throw CommandFailure.refused("The reference model should be a file, found '\(reference)'.")
        }
        let merge = try SchemaMerge(
            ancestor: try await felis.schema(ancestor), release: try await felis.schema(release), reference: schema,
            bytes: [UInt8](bytes), keys: only.map { Set($0.split(separator: ",").map(String.init)) },
            options: try felis.schemaOptions())
        var output = CommandOutput()
        for decision in merge.decisions where decision.fate != .leftOut {
            let reason = decision.reason.map { " (\($0))" } ?? ""
            try output.line("\(decision.fate.rawValue): \(decision.change)\(reason)")
        }
        try output.flush()
        if let path = outputFile ?? (inPlace ? reference : nil) {
            try FelisOutput.write(String(decoding: merge.text, as: UTF8.self), to: path)
        }
        if merge.decisions.contains(where: { $0.fate == .conflict || $0.fate == .byHand }) { throw ExitCode(1) }
    }
}
