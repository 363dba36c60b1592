import Foundation

/// The part of a process's surroundings that configurations depend on, given by the caller so that nothing here
/// reads global state.
public struct ConfigurationEnvironment: Sendable {
    /// Environment variables by name.
    public var variables: [String: String]
    /// Absolute path against which relative paths are resolved.
    public var currentDirectory: String

    public init(variables: [String: String], currentDirectory: String = FileManager.default.currentDirectoryPath) {
        self.variables = variables
        self.currentDirectory = currentDirectory
    }

    /// The value of a variable that is set and not empty.
    public subscript(name: String) -> String? {
        guard let value = variables[name], !value.isEmpty else { return nil }
        return value
    }

    /// `$NAME` and `${NAME}` replaced by their values; a variable that is not set stays as it is written
    /// (as Python's `os.path.expandvars`).
    public func expandingVariables(in text: String) -> String {
        guard text.contains("$") else { return text }
        var result = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            if after.first == "{", let close = after.firstIndex(of: "}") {
                let name = after[after.index(after: after.startIndex)..<close]
                result += variables[String(name)] ?? "${\(name)}"
                rest = after[after.index(after: close)...]
            } else {
                let name = after.prefix { $0 == "_" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
                result += name.isEmpty ? "$" : variables[String(name)] ?? "$\(name)"
                rest = after[name.endIndex...]
            }
        }
        return result + rest
    }

    /// A leading `~` replaced by `$HOME`. The home directories of other users (`~name`) are left alone.
    public func expandingHome(in path: String) -> String {
        guard path == "~" || path.hasPrefix("~/"), let home = self["HOME"] else { return path }
        return (home.hasSuffix("/") ? String(home.dropLast()) : home) + path.dropFirst()
    }
}
