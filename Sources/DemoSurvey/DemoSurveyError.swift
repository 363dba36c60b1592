/// Why a demo survey cannot be made.
public enum DemoSurveyError: Error, Hashable, Sendable, CustomStringConvertible {
    case notEmpty(String)
    case notADirectory(String)
    case cannotMake(String, reason: String)
    /// Making the survey ended early, after its tables were made in a database.
    case unfinished(database: String, reason: String, removal: String)
    /// A database that should be empty has the tables of a repository.
    /// - Parameter drafts: directories that interrupted attempts have left.
    case leftover(database: String, removal: String, drafts: [String])
    /// A calibration that was just certified is not found for an exposure.
    case noCalibration(datasetType: String, visit: Int, detector: Int)

    public var description: String {
        switch self {
        case .notEmpty(let path): "The directory \(path) is not empty; name a new or empty one for the demo survey."
        case .notADirectory(let path): "\(path) is not a directory; name a new or empty one for the demo survey."
        case .cannotMake(let path, let reason): "The directory \(path) cannot be made: \(reason)."
        case .unfinished(let database, let reason, let removal):
            "The demo survey is not finished: \(reason) Its tables are still in \(database); before another attempt, \(removal)."
        case .leftover(let database, let removal, let drafts):
            "\(database) has the tables of a repository already. "
                + (drafts.isEmpty
                    ? "They may be what an interrupted attempt has left: if no butler.yaml names it, \(removal)."
                    : "An attempt that was interrupted has left \(drafts.joined(separator: " and ")), and probably these tables: "
                        + "if none is at work, remove the directory, and \(removal).")
        case .noCalibration(let type, let visit, let detector):
            "No '\(type)' is certified for visit \(visit), detector \(detector); the survey cannot be calibrated."
        }
    }
}
