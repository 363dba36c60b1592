import ArgumentParser

/// `--dry-run`, an addition to most of Rubin's commands that change something.
struct DryRunOption: ParsableArguments {
    @Flag(
        name: .customLong("dry-run"), inversion: .prefixedNo, exclusivity: .chooseLast,
        help: "Tell what would happen, and change nothing.")
    var isDryRun = false
}
