/// Why a demo survey cannot be made.
public enum DemoSurveyError: Error, Hashable, Sendable, CustomStringConvertible {
    case notEmpty(String)
    case notADirectory(String)
    case cannotMake(String, reason: String)
    /// Making the survey ended early, after its tables were made in a database.
    case unfinished(database: String, reason: String)
    /// A calibration that was just certified is not found for an exposure.
    case noCalibration(datasetType: String, visit: Int, detector: Int)

    public var description: String {
        switch self {
        case .notEmpty(let path): "The directory \(path) is not empty; name a new or empty one for the demo survey."
        case .notADirectory(let path): "\(path) is not a directory; name a new or empty one for the demo survey."
        case .cannotMake(let path, let reason): "The directory \(path) cannot be made: \(reason)."
        case .unfinished(let database, let reason):
            "The demo survey is not finished: \(reason) Its tables are still in \(database); drop that database, or the "
                + "schema, before another attempt."
        case .noCalibration(let type, let visit, let detector):
            "No '\(type)' is certified for visit \(visit), detector \(detector); the survey cannot be calibrated."
        }
    }
}
