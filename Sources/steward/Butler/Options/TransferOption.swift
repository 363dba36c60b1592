import ArgumentParser
import Datastore

/// `--transfer` of commands that bring files into a datastore.
struct TransferOption: ParsableArguments {
    @Option(
        name: [.customShort("t", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp(
            "How files come into the datastore: \(ArtifactTransfer.named.map(\.rawValue).joined(separator: ", ")).",
            valueName: "mode"))
    var transfer: ArtifactTransfer = .auto
}

extension ArtifactTransfer: ExpressibleByArgument {
    public init?(argument: String) {
        guard let transfer = ArtifactTransfer(rawValue: argument.lowercased()), transfer != .inPlace else { return nil }
        self = transfer
    }

    public static var allValueStrings: [String] { named.map(\.rawValue) }
}

/// `--jobs`.
struct JobsOption: ParsableArguments {
    @Option(
        name: [.customShort("j", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("The most files to copy or link at the same time.", valueName: "number"))
    var jobs = 4

    func validate() throws {
        guard jobs > 0 else { throw ValidationError("--jobs needs a number above 0.") }
    }
}
