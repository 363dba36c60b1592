import ArgumentParser

/// Which data IDs or records to find: the options that `query-data-ids` and `query-dimension-records` share.
struct DataIDQueryOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "List only what datasets of this type exist for: a name, or a glob for several types that must all exist.",
            valueName: "name"))
    var datasets: String?

    @Option(
        name: .customLong("collections"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Collections to search for --datasets: names or globs, separated by commas. (default: all)",
            valueName: "names"))
    var collectionArguments: [String] = []

    @Option(
        name: .customLong("where"), parsing: .unconditional,
        help: ArgumentHelp("Expression that the results must satisfy.", valueName: "expression"))
    var expression: String = ""

    @Option(
        name: .customLong("order-by"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            """
            Columns to order by, separated by commas: dimensions, fields such as visit.exposure_time or \
            visit.timespan.begin; '-' before a name reverses the order.
            """, valueName: "names"))
    var orderArguments: [String] = []

    @Option(parsing: .unconditional, help: ResultLimit.help)
    var limit = ResultLimit.standard

    @Option(parsing: .unconditional, help: ArgumentHelp("No longer supported; only 0.", valueName: "number"))
    var offset = 0

    var collections: [String] { CommaSeparated.values(collectionArguments) }
    var order: [String] { CommaSeparated.values(orderArguments) }

    func requireNoOffset() throws {
        guard offset == 0 else { throw CommandFailure.refused("--offset is no longer supported; leave it out.") }
    }
}
