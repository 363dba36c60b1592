import ArgumentParser

/// Which datasets to find, before any limit or order.
struct DatasetFilterOptions: ParsableArguments {
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

    var collections: [String] { CommaSeparated.values(collectionArguments) }
}

/// Which datasets to find: the options that commands on lists of datasets share.
struct DatasetQueryOptions: ParsableArguments {
    @OptionGroup var filter: DatasetFilterOptions

    @Option(name: .customLong("limit"), parsing: .unconditional, help: ResultLimit.help)
    var limit = ResultLimit.standard

    @Option(
        name: .customLong("order-by"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            """
            Columns to order the results by, separated by commas, for a single dataset type: dimensions, fields such as \
            visit.exposure_time or ingest_date; '-' before a name reverses the order.
            """,
            valueName: "names"))
    var orderArguments: [String] = []

    var collections: [String] { filter.collections }
    var order: [String] { CommaSeparated.values(orderArguments) }

    func validate() throws {
        if let text = orderArguments.first(where: \.isEmpty) {
            throw ValidationError("--order-by needs a name, not '\(text)'.")
        }
    }
}
