import ArgumentParser

/// The number of results asked for.
struct ResultLimit: ExpressibleByArgument {
    /// As given: 0 is no limit; a negative number is a limit that is worth a warning when it is exceeded.
    let argument: Int

    static let standard = ResultLimit(number: -20_000)
    static let help = ArgumentHelp(
        "Number of results: 0 for all; a negative number warns when there are more.", valueName: "number")

    init(number: Int) { argument = number }

    init?(argument: String) {
        guard let number = Int(argument) else { return nil }
        self.argument = number
    }

    var defaultValueDescription: String { String(argument) }

    /// The most results to report, if there is a limit.
    var maximum: Int { Int(clamping: argument.magnitude) }

    /// How many to look for, so that it is known whether there are more than are reported; `nil` for all.
    var sought: Int? {
        switch argument {
        case 0: nil
        case ..<0: Int(clamping: argument.magnitude + 1)
        default: argument
        }
    }

    /// Removes the last result if it only shows that there are more than are reported. Whether it did.
    /// - Parameter total: how many were found, in earlier parts too.
    func cut<Row>(_ rows: inout [Row], total: Int) -> Bool {
        guard argument < 0, let sought, total >= sought, !rows.isEmpty else { return false }
        rows.removeLast()
        return true
    }
}
