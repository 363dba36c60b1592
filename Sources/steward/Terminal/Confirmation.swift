/// A question that has to be answered on standard input before something is done.
enum Confirmation {
    /// Asks until the answer is yes or no; an empty line is no.
    /// - Throws: ``CommandFailure/refused(_:)`` when standard input ends.
    static func ask(_ question: String) throws -> Bool {
        while true {
            guard StandardStream.output.write("\(question) [y/N]: ") else {
                throw CommandFailure.cannotWrite("standard output", reason: "it is closed")
            }
            guard let answer = readLine() else {
                throw CommandFailure.refused(
                    "Aborted: there is no answer on standard input; answer y, or give --no-confirm.")
            }
            switch answer.lowercased().filter({ !$0.isWhitespace }) {
            case "y", "yes", "true", "t", "1", "on": return true
            case "", "n", "no", "false", "f", "0", "off": return false
            default: StandardStream.output.write("Error: invalid input\n")
            }
        }
    }
}
