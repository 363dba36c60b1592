import StructuredData

extension SchemaComparison {
    /// The differences as a page for people: one table a table of the schema, with added, removed and changed values.
    /// It needs no other file.
    public func html(oldTitle: String, newTitle: String) -> String {
        let title = [oldTitle, newTitle].map { title in
            "<span title=\"\(HTMLText.escaped(title))\">\(HTMLText.escaped(Self.fileName(title)))</span>"
        }.joined(separator: " → ")
        var groups: [(name: String, changes: [SchemaChange])] = []
        var places: [String: Int] = [:]
        for change in changes {
            let name = change.object == .schema ? "Schema" : change.table ?? change.name
            if let place = places[name] {
                groups[place].changes.append(change)
            } else {
                places[name] = groups.count
                groups.append((name, [change]))
            }
        }
        let counts = [SchemaChange.Kind.added, .removed, .renamed, .changed].map { kind in
            "\(changes.count { $0.kind == kind }) \(kind.rawValue)"
        }
        var text = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(HTMLText.escaped(oldTitle)) → \(HTMLText.escaped(newTitle))</title>
            <style>
            :root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
            body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
            table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
            th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884; }
            td { overflow-wrap: anywhere; } td:first-child { width: 9rem; } td:nth-child(2) { width: 14rem; }
            td:nth-child(3) { width: 9rem; min-width: 6rem; }
            .added { color: light-dark(#116329, #7ee787); } .removed { color: light-dark(#a40e26, #ff9492); }
            .renamed, .changed { color: light-dark(#7d4e00, #e3b341); }
            del { color: light-dark(#a40e26, #ff9492); }
            ins { color: light-dark(#116329, #7ee787); text-decoration: none; }
            </style></head><body>
            <h1>\(title)</h1>
            <p>\(changes.isEmpty ? "No differences." : counts.joined(separator: ", "))</p>

            """
        for group in groups {
            text += "<h2>\(HTMLText.escaped(group.name))</h2>\n<table><thead><tr><th>What</th><th>Name</th>"
            text += "<th>Key</th><th>Before</th><th>After</th></tr></thead><tbody>\n"
            for change in group.changes {
                let cells = [change.name, change.field ?? ""].map { HTMLText.escaped($0) }
                let before = Self.element("del", change.old)
                let after = Self.element("ins", change.new)
                let what = "\(change.kind.rawValue) \(change.object.rawValue)"
                text += "<tr><td class=\"\(change.kind.rawValue)\">\(what)</td><td>\(cells[0])</td><td>\(cells[1])</td>"
                text += "<td>\(before)</td><td>\(after)</td></tr>\n"
            }
            text += "</tbody></table>\n"
        }
        return text + "</body></html>\n"
    }

    private static func fileName(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    private static func element(_ name: String, _ value: StructuredValue?) -> String {
        value == nil ? "" : "<\(name)>\(HTMLText.escaped(SchemaChange.text(value)))</\(name)>"
    }
}
