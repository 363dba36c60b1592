/// Why a server cannot be set up as asked.
public enum ServeError: Error, Equatable, CustomStringConvertible {
    case noRepositories
    case badRepository(argument: String)
    case badLabel(String)
    case repeatedLabel(String)
    /// The origin is a variable, or a key and its file.
    case badSetting(origin: String, reason: String)
    case badFile(path: String, reason: String)
    case noFolder(path: String)
    case unknownVariable(String, nearest: String?)
    /// A repository has rules about users, and nothing says how users are known.
    case noIdentities(label: String, reason: String)

    public var description: String {
        switch self {
        case .noRepositories:
            "No repository to serve; name one with --repo LABEL=URI, or set DAF_BUTLER_SERVER_REPOSITORIES."
        case .badRepository(let argument):
            "--repo '\(argument)' names no repository; write LABEL=URI, or a path or URI whose last part is the label."
        case .badLabel(let label):
            "'\(label)' cannot be the label of a repository: it becomes part of URLs; use letters, digits, '-', '_' and '.'."
        case .repeatedLabel(let label): "Two repositories have the label '\(label)'; give each its own with LABEL=URI."
        case .badSetting(let origin, let reason): Self.sentence("\(origin) \(reason)")
        case .noFolder(let path):
            "The folder of static files '\(path)' does not exist; correct DAF_BUTLER_SERVER_STATIC_FILES_PATH or "
                + "static_files_path."
        case .badFile(let path, let reason): Self.sentence("The configuration file '\(path)' \(reason)")
        case .unknownVariable(let name, let nearest):
            "Environment variable \(name) is no setting of this server"
                + (nearest.map { "; did you mean \($0)?" } ?? "; remove or correct it.")
        case .noIdentities(let label, let reason):
            "Repository '\(label)' \(reason), but nothing says how users are identified. Set "
                + "DAF_BUTLER_SERVER_GAFAELFAWR_URL (gafaelfawr_url) or the settings for tokens; to show everything to "
                + "everyone who can reach the server, set it to DISABLED."
        }
    }

    /// The text with a full stop, unless it ends like a sentence already.
    private static func sentence(_ text: String) -> String {
        guard let last = text.last else { return text }
        return ".?!".contains(last) ? text : text + "."
    }
}
