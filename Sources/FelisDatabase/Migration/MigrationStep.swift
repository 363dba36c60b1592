/// One step from a version of a schema to the next.
public struct MigrationStep: Sendable, Hashable {
    /// What can go wrong.
    public enum Risk: Sendable, Hashable {
        case none
        /// It rests on a guess about what the files mean.
        case assumes(String)
        /// The database may refuse, because of the data that is there.
        case mayFail(String)
        /// Data goes.
        case losesData(String)
    }

    /// What is done, for people.
    public var purpose: String
    public var risk: Risk
    public var statements: [Statement]
    /// What the statements need to have been done before all of them: SQLite puts tables aside.
    var preparation: [Statement] = []
    /// Conditions in SQL that hold once the statements have worked; for SQLite.
    var checks: [String] = []
    /// What is done last, when all else has worked: SQLite removes the tables put aside.
    var clearance: [Statement] = []

    init(purpose: String, risk: Risk, statements: [Statement]) {
        self.purpose = purpose
        self.risk = risk
        self.statements = statements
    }

    /// The statements under a comment that says what they are for.
    public var scriptText: String { heading + statements.map(\.scriptText).joined() }

    var heading: String {
        let remark =
            switch risk {
            case .none: ""
            case .assumes(let guess): " (GUESSED: \(guess))"
            case .mayFail(let reason): " (may fail: \(reason))"
            case .losesData(let reason): " (LOSES DATA: \(reason))"
            }
        return "-- \(purpose)\(remark)".split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
    }
}
