import AstroTime

/// Which validity ranges a search for a calibration dataset accepts.
public enum CalibrationTime: Hashable, Sendable {
    /// None: CALIBRATION collections are not searched.
    case none
    /// Any.
    case any
    /// Those that overlap a timespan.
    case during(Timespan)
    /// Those that overlap the time of the data ID; any, if it has none.
    case ofDataID

    /// What a wire message means by its `timespan` member in a `find_dataset` request.
    public init(findDataset timespan: Timespan?) {
        self = timespan.map { $0.isUnbounded ? .any : .during($0) } ?? .none
    }
}
