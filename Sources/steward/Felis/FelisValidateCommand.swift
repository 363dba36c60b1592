import ArgumentParser
import Felis

struct FelisValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Checks schema files.",
        discussion: """
            All errors of all files are shown, each with file, line and column. The exit status is 1 if there are any.
            """)

    @ParentCommand var felis: FelisCommand

    @Argument(help: ArgumentHelp("Paths or addresses of schema files.", valueName: "uri"))
    var locations: [String] = []

    @Flag(help: "Every object needs a description.")
    var checkDescription = false

    @Flag(help: "No override of a datatype may say what the datatype says already.")
    var checkRedundantDatatypes = false

    @Flag(help: "Every table needs a 'tap:table_index' of its own.")
    var checkTapTableIndexes = false

    @Flag(help: "Every table needs a column with 'tap:principal: 1'.")
    var checkTapPrincipal = false

    @Option(
        help: ArgumentHelp(
            "Also look for, separated by commas: "
                + "\(SchemaLint.Rule.allCases.map(\.rawValue).joined(separator: ", ")); or 'all'. Findings are notes.",
            valueName: "rules"))
    var lint: [String] = []

    @Option(help: "How to show problems: text, json (one object a line) or github (annotations of a workflow).")
    var format = ProblemFormat.text

    private func lintRules() throws -> Set<SchemaLint.Rule> {
        guard lint.isEmpty || !locations.isEmpty else { throw UsageFailure("--lint needs files to look at") }
        return try lint.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
            .reduce(into: []) { rules, name in
                if name == "all" {
                    rules.formUnion(SchemaLint.Rule.allCases)
                } else if let rule = SchemaLint.Rule(rawValue: String(name)) {
                    rules.insert(rule)
                } else {
                    throw UsageFailure("--lint has no rule '\(name)'")
                }
            }
    }

    func run() async throws {
        let rules = try lintRules()
        var options = try felis.schemaOptions()
        if checkDescription { options.checks.insert(.description) }
        if checkRedundantDatatypes { options.checks.insert(.redundantDatatypes) }
        if checkTapTableIndexes { options.checks.insert(.tableIndexes) }
        if checkTapPrincipal { options.checks.insert(.principal) }
        let loader = try felis.loader(options)
        let log = try FelisLog(felis)
        var output = CommandOutput()
        var wrongFiles = 0
        var schemas: [(file: String, schema: Schema)] = []
        func show(_ problem: SchemaProblem) throws {
            switch format {
            case .text:
                let level: FelisLog.Level =
                    problem.severity == .error ? .error : problem.severity == .warning ? .warning : .info
                try log.write(level, problem.description)
            case .json: try output.line(problem.json)
            case .github: try output.line(problem.workflowCommand)
            }
        }
        try await loader.load(locations.map { SchemaLocation($0) }) { loaded in
            let location = loaded.location.text
            for problem in loaded.problems { try show(problem) }
            if let schema = loaded.schema { schemas.append((location, schema)) }
            guard loaded.errorCount > 0 else { return }
            wrongFiles += 1
            if format == .text {
                let count = loaded.errorCount
                try log.write(.error, "\(location): \(count) validation \(count == 1 ? "error" : "errors")")
            }
        }
        if !rules.isEmpty {
            for finding in SchemaLint(rules: rules).findings(schemas) { try show(finding) }
        }
        try output.flush()
        if wrongFiles > 0 { throw ExitCode(1) }
    }
}

enum ProblemFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, github
}
