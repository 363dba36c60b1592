import StructuredData

extension SchemaProblem {
    /// The problem as one line of JSON.
    public var json: String {
        var object = StructuredMapping([
            ("file", .string(file)), ("severity", .string(severity.rawValue)), ("kind", .string(kind.rawValue)),
            ("path", .string(dottedPath)), ("message", .string(message)),
        ])
        if let position {
            object["line"] = .int(Int64(position.line))
            object["column"] = .int(Int64(position.column))
        }
        if let remedy { object["remedy"] = .string(remedy) }
        return StructuredValue.object(object).description
    }

    /// The problem as a command that makes a GitHub workflow annotate the line.
    public var workflowCommand: String {
        var properties = "file=\(Self.escaped(file, isProperty: true))"
        if let position { properties += ",line=\(position.line),col=\(position.column)" }
        let level = severity == .error ? "error" : severity == .warning ? "warning" : "notice"
        let inside = path.isEmpty ? "" : "\(dottedPath): "
        return "::\(level) \(properties)::\(Self.escaped(inside + message + (remedy.map { "; \($0)" } ?? "")))"
    }

    private static func escaped(_ text: String, isProperty: Bool = false) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "%": result += "%25"
            case "\r": result += "%0D"
            case "\n": result += "%0A"
            case ":" where isProperty: result += "%3A"
            case "," where isProperty: result += "%2C"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
