import ArgumentParser

/// Which datasets to find: the options that commands on sets of datasets share.
struct DatasetQueryOptions: ParsableArguments {
    @Option(
        name: .customLong("collections"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Collections to search, in this order: names or globs, separated by commas. (default: all)",
            valueName: "names"))
    var collectionArguments: [String] = []

    @Option(
        name: .customLong("where"), parsing: .unconditional,
        help: ArgumentHelp("Expression that the datasets must satisfy.", valueName: "expression"))
    var expression: String = ""

    @Flag(
        name: .customLong("find-first"), inversion: .prefixedNo, exclusivity: .chooseLast,
        help: """
            Report only the first dataset of each type and data ID, in the order of --collections, which then takes \
            names only.
            """)
    var findsFirst = false

    @Option(name: .customLong("limit"), parsing: .unconditional, help: ResultLimit.help)
    var limit = ResultLimit.standard

    @Option(
        name: .customLong("order-by"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Dimensions to order the results by, separated by commas; '-' before a name reverses the order.",
            valueName: "names"))
    var orderArguments: [String] = []

    var collections: [String] { CommaSeparated.values(collectionArguments) }
    var order: [String] { CommaSeparated.values(orderArguments) }

    func validate() throws {
        if let text = orderArguments.first(where: \.isEmpty) {
            throw ValidationError("--order-by needs a name, not '\(text)'.")
        }
    }
}

/// The number of results asked for.
struct ResultLimit: ExpressibleByArgument {
    /// As given: 0 is no limit; a negative number is a limit that is worth a warning when it is reached.
    let argument: Int

    static let standard = ResultLimit(number: -20_000)
    static let help = ArgumentHelp(
        "Number of results: 0 for all; a negative number warns when there are more.", valueName: "number")

    init(number: Int) { argument = number }

    init?(argument: String) {
        guard let number = Int(argument), number != .min else { return nil }
        self.argument = number
    }

    var defaultValueDescription: String { String(argument) }

    /// The most results to report.
    var maximum: Int { argument == 0 ? .max : abs(argument) }
    var warnsWhenReached: Bool { argument < 0 }
    /// How many to look for, so that it is known whether there are more than are reported.
    var sought: Int { warnsWhenReached ? maximum + 1 : maximum }
}
