/// One step from a version of a schema to the next.
public struct MigrationStep: Sendable, Hashable {
    /// What can go wrong.
    public enum Risk: Sendable, Hashable {
        case none
        /// The database may refuse, because of the data that is there.
        case mayFail(String)
        /// Data goes.
        case losesData(String)
    }

    /// What is done, for people.
    public var purpose: String
    public var risk: Risk
    public var statements: [Statement]

    /// The statements under a comment that says what they are for.
    public var scriptText: String {
        let remark =
            switch risk {
            case .none: ""
            case .mayFail(let reason): " (may fail: \(reason))"
            case .losesData(let reason): " (LOSES DATA: \(reason))"
            }
        let comment = "-- \(purpose)\(remark)".split(whereSeparator: \.isNewline).joined(separator: " ")
        return comment + "\n" + statements.map(\.scriptText).joined()
    }
}
