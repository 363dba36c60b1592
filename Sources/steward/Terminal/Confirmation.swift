import ArgumentParser

/// Asks before something is done, as Rubin's commands do.
enum Confirmation {
    /// Whether the user says yes; no without an answer.
    /// - Throws: a failure exit when there is nobody to answer.
    static func ask(_ question: String) throws -> Bool {
        while true {
            _ = StandardStream.output.write("\(question) [y/N]: ")
            guard let line = readLine() else {
                _ = StandardStream.error.write("\nAborted!\n")
                throw ExitCode.failure
            }
            switch line.trimmingPrefix(while: \.isWhitespace).lowercased() {
            case "y", "yes": return true
            case "", "n", "no": return false
            default: _ = StandardStream.error.write("Error: invalid input\n")
            }
        }
    }
}

/// `--confirm` and `--no-confirm`.
struct ConfirmOption: ParsableArguments {
    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Ask before anything is removed.")
    var confirm = true
}
