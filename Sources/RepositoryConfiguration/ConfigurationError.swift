/// Why a configuration could not be read, merged or understood. Every text names the file, the key and the remedy.
public enum ConfigurationError: Error, Equatable, CustomStringConvertible {
    // MARK: Finding and reading files

    /// Nothing exists at `location`; `hint` tells what the user's argument was taken for.
    case notFound(location: String, hint: String)
    /// The file exists but could not be read.
    case unreadable(location: String, reason: String)
    /// Only `.yaml` and `.json` files are configurations.
    case unsupportedExtension(location: String)
    /// No reader was given for this kind of address.
    case unsupportedScheme(location: String, scheme: String)
    /// The text is not YAML or JSON; `reason` holds line and column.
    case syntax(location: String, reason: String)
    case includeNotFound(name: String, location: String, searched: [String])
    /// A file includes itself, directly or through others: the chain of files, outermost first.
    case includeCycle([String])
    case includeTooDeep(location: String, limit: Int)

    // MARK: Content

    case wrongType(location: String, key: String, expected: String, found: String)
    case missingKey(location: String, key: String)
    case unexpectedKeys(location: String, key: String, found: [String], allowed: [String])
    case forbiddenKey(location: String, key: String, reason: String)
    case invalidValue(location: String, key: String, value: String, remedy: String)
    case unknownClass(location: String, key: String, name: String, known: [String])
    /// `<butlerRoot>` stands in a value, but the configuration came from no file and names no root.
    case rootUndefined(key: String, value: String)

    // MARK: Environment

    case conflictingEnvironment(String, String)
    case repositoryIndex(reason: String)
    case credentials(source: String, reason: String)
    /// Group or others may access the credentials file; `mode` is its permission bits.
    case credentialsPermissions(path: String, mode: UInt16)

    // MARK: Storage classes

    case unknownStorageClass(name: String, usedBy: String)
    /// Two definitions of one name differ in `differences`.
    case storageClassConflict(name: String, location: String, differences: [String])
    case storageClassCycle([String])

    public var description: String {
        switch self {
        case .notFound(let location, let hint):
            "No configuration found at \(location) (\(hint)); give a repository directory, a butler.yaml file or a known label."
        case .unreadable(let location, let reason):
            "Cannot read configuration \(location): \(reason)."
        case .unsupportedExtension(let location):
            "\(location) is neither a directory nor a .yaml or .json file; give a repository directory or a butler.yaml file."
        case .unsupportedScheme(let location, let scheme):
            "Cannot read \(location): no reader for \(scheme) addresses is available here; use a local path."
        case .syntax(let location, let reason):
            "Cannot parse configuration \(location): \(reason)"
        case .includeNotFound(let name, let location, let searched):
            "\(location) includes \"\(name)\", which is in none of \(searched.joined(separator: ", ")); correct the name or add the file."
        case .includeCycle(let chain):
            "Configuration files include each other in a circle (\(chain.joined(separator: " → "))); remove one of the includes."
        case .includeTooDeep(let location, let limit):
            "Includes nest deeper than \(limit) files at \(location); flatten the configuration."
        case .wrongType(let location, let key, let expected, let found):
            "\(location): \"\(key)\" must be \(expected), not \(found); correct the value."
        case .missingKey(let location, let key):
            "\(location): \"\(key)\" is missing; add it."
        case .unexpectedKeys(let location, let key, let found, let allowed):
            "\(location): \"\(key)\" has unexpected keys \(found.joined(separator: ", ")); allowed are \(allowed.joined(separator: ", "))."
        case .forbiddenKey(let location, let key, let reason):
            "\(location): the key \"\(key)\" is not allowed: \(reason)."
        case .invalidValue(let location, let key, let value, let remedy):
            "\(location): \"\(key)\" has the value \"\(value)\"; \(remedy)."
        case .unknownClass(let location, let key, let name, let known):
            "\(location): \"\(key)\" names the class \(name), which is not known; known are \(known.joined(separator: ", "))."
        case .rootUndefined(let key, let value):
            "\"\(key)\" is \"\(value)\", but no repository root is known; load the configuration from a file or set \"root\"."
        case .conflictingEnvironment(let first, let second):
            "Both \(first) and \(second) are set; unset one of them."
        case .repositoryIndex(let reason):
            "The repository index is not usable: \(reason)."
        case .credentials(let source, let reason):
            "Database credentials in \(source) are not usable: \(reason)."
        case .credentialsPermissions(let path, let mode):
            "Database credentials file \(path) has permissions \(String(mode, radix: 8)); run chmod 600 on it, only its owner may read it."
        case .unknownStorageClass(let name, let usedBy):
            "Storage class \"\(name)\" (\(usedBy)) is not defined; define it under storageClasses in butler.yaml."
        case .storageClassConflict(let name, let location, let differences):
            "\(location) redefines storage class \"\(name)\" with another \(differences.joined(separator: ", ")); use a new name."
        case .storageClassCycle(let chain):
            "Storage classes refer to each other in a circle (\(chain.joined(separator: " → "))); correct inheritsFrom or components."
        }
    }
}
