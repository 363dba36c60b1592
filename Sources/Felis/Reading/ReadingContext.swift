import StructuredData

/// What all readers of one file share: where they are, what they found, how much they may still read.
final class ReadingContext {
    let file: String
    let options: SchemaOptions
    private(set) var problems: [SchemaProblem] = []
    private(set) var hasErrors = false
    private var path: [PathStep] = []
    /// How many more values may be read, so that aliases of aliases end.
    private var budget: Int
    private var isExhausted = false
    /// Verdicts on units and UCDs, of which a schema has few, many times over.
    private var units: [String: UnitCheck.Problem?] = [:]
    private var ucds: [String: UCDCheck.Problem?] = [:]

    /// The most problems of a file that are kept.
    static let problemLimit = 10_000

    /// Ids made for objects, by where these are written; `nil` if nothing in the file has a name for repeating it.
    private var generatedIDs: [TextPosition: String]?

    /// - Parameter hasAnchors: parts of the file may be there several times.
    init(file: String, options: SchemaOptions, budget: Int, hasAnchors: Bool = false) {
        self.file = file
        self.options = options
        self.budget = budget
        generatedIDs = hasAnchors ? [:] : nil
    }

    /// The id of an object without one. An object that aliases put into several places is one, with one id: that of its
    /// first place.
    func generatedID(of position: TextPosition, _ id: String?) -> String? {
        guard generatedIDs != nil, let id else { return id }
        if let known = generatedIDs?[position] { return known }
        generatedIDs?[position] = id
        return id
    }

    func inside<T>(_ step: PathStep, _ body: () -> T) -> T {
        path.append(step)
        defer { path.removeLast() }
        return body()
    }

    func report(
        _ kind: SchemaProblem.Kind, _ message: String, at position: TextPosition?, remedy: String? = nil,
        below steps: [PathStep] = [], severity: SchemaProblem.Severity = .error
    ) {
        if severity == .error { hasErrors = true }
        guard problems.count < Self.problemLimit else { return }
        problems.append(
            SchemaProblem(
                severity: severity, kind: kind, file: file, position: position, path: path + steps, message: message,
                remedy: remedy))
    }

    func warn(_ kind: SchemaProblem.Kind, _ message: String, at position: TextPosition?, remedy: String? = nil) {
        report(kind, message, at: position, remedy: remedy, severity: .warning)
    }

    func problem(ofUnit unit: String) -> UnitCheck.Problem? {
        if let known = units[unit] { return known }
        let problem = UnitCheck.problem(of: unit)
        units[unit] = .some(problem)
        return problem
    }

    func problem(ofUCD ucd: String) -> UCDCheck.Problem? {
        if let known = ucds[ucd] { return known }
        let problem = UCDCheck.problem(of: ucd)
        ucds[ucd] = .some(problem)
        return problem
    }

    /// Counts values; false once there have been too many, which is reported once.
    func spend(_ count: Int, at position: TextPosition) -> Bool {
        budget -= count
        if budget >= 0 { return true }
        if !isExhausted {
            isExhausted = true
            report(
                .unreadable, "aliases and merge keys repeat too many values", at: position,
                remedy: "write fewer aliases of aliases")
        }
        return false
    }
}
