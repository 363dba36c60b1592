import Felis
import StructuredData

/// A browser for schemas: plain files that a web server or a disk can give out.
///
/// One page a schema, with its tables by `tap:table_index` and their columns by `tap:column_index`; each has an address
/// of its own, `page.html#Table.column`. The first page searches the columns of all schemas.
public struct SchemaSite: Sendable {
    /// A file of the site: its name, and what is in it.
    public struct File: Sendable {
        public var name: String
        public var content: [UInt8]
    }

    private let pages: [(name: String, schema: Schema)]

    /// - Parameter pages: schemas with the names of their pages, which are unique.
    public init(_ pages: [(name: String, schema: Schema)]) { self.pages = pages }

    public func files() -> [File] {
        var files = [
            File(name: "index.html", content: Array(firstPage().utf8)),
            File(name: "columns.js", content: Array(columnList().utf8)),
            File(name: "site.css", content: PackageResources.site_css),
            File(name: "site.js", content: PackageResources.site_js),
        ]
        for page in pages {
            files.append(File(name: page.name + ".html", content: Array(SchemaPage(page.schema).html.utf8)))
        }
        return files
    }

    private func firstPage() -> String {
        var text = SchemaPage.head(title: "Schemas", scripts: ["columns.js", "site.js"])
        text += "<h1>Schemas</h1>\n<label>Search the columns of all schemas<br>"
        text += "<input type=\"search\" autofocus placeholder=\"name or description\"></label>\n"
        text +=
            "<p id=\"count\" class=\"faint\" role=\"status\"></p>\n<ul id=\"results\"></ul>\n"
            + "<div class=\"scroll\"><table>"
        text +=
            "<thead><tr><th>Schema</th><th>Version</th><th>Tables</th><th>Columns</th><th>Description</th></tr></thead>"
        text += "<tbody>\n"
        for (name, schema) in pages {
            let columns = schema.tables.reduce(0) { $0 + $1.columns.count }
            text += "<tr><td><a href=\"\(HTML.anchor(name)).html\">\(HTMLText.escaped(name))</a></td>"
            text += "<td>\(HTMLText.escaped(schema.version?.current ?? ""))</td><td>\(schema.tables.count)</td>"
            text += "<td>\(columns)</td><td>\(HTMLText.escaped(schema.description ?? ""))</td></tr>\n"
        }
        return text + "</tbody></table></div>\n</body></html>\n"
    }

    /// The columns as a script, since pages on a disk may not read other files.
    private func columnList() -> String {
        var writer = JSONWriter()
        writer.beginArray()
        for (name, schema) in pages {
            for table in schema.tables {
                for column in table.columns {
                    writer.beginArray()
                    for text in [name, table.name, column.name, column.datatype.rawValue, column.description ?? ""] {
                        writer.value(text)
                    }
                    writer.endArray()
                }
            }
        }
        writer.endArray()
        return "window.columns = \(writer.text);\n"
    }
}

/// The page of one schema.
struct SchemaPage {
    private let schema: Schema
    private let places: [String: (table: Int, column: Int)]

    init(_ schema: Schema) {
        self.schema = schema
        places = schema.columnsByID()
    }

    static func head(title: String, scripts: [String]) -> String {
        let scripts = scripts.map { "<script src=\"\($0)\" defer></script>" }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(HTMLText.escaped(title))</title><link rel="stylesheet" href="site.css">\(scripts)</head><body>

            """
    }

    var html: String {
        var text = Self.head(title: schema.name, scripts: ["site.js"])
        text += "<nav><a href=\"index.html\">All schemas</a></nav>\n<h1>\(HTMLText.escaped(schema.name))</h1>\n"
        if let version = schema.version {
            text += "<p class=\"faint\">Version \(HTMLText.escaped(version.current))</p>\n"
        }
        if let description = schema.description { text += "<p>\(HTMLText.escaped(description))</p>\n" }
        text += "<label>Show only<br><input type=\"search\" placeholder=\"table, column, unit, description\"></label>\n"
        let tables = schema.tablesInServiceOrder
        text += "<ul class=\"tables\">\n"
        for table in tables {
            text += "<li><a href=\"#\(HTML.anchor(table.name))\">\(HTMLText.escaped(table.name))</a> "
            text += "<span class=\"faint\">\(table.columns.count)</span></li>\n"
        }
        text += "</ul>\n"
        for table in tables { text += section(table) }
        return text + "</body></html>\n"
    }

    private static let headings = ["Name", "Type", "Unit", "Description", "UCD", "Index", "Principal"]

    private func section(_ table: Table) -> String {
        let name = HTMLText.escaped(table.name)
        var text = "<section id=\"\(name)\"><h2>\(name)</h2>\n"
        if let description = table.description { text += "<p>\(HTMLText.escaped(description))</p>\n" }
        text += "<div class=\"scroll\"><table><thead><tr>"
        for heading in Self.headings { text += "<th><button type=\"button\">\(heading)</button></th>" }
        text += "</tr></thead><tbody>\n"
        let keys = Set(table.primaryKey?.ids ?? [])
        for column in table.columnsInServiceOrder {
            let place = "\(table.name).\(column.name)"
            let size = column.length.map { "(\($0))" } ?? ""
            let mark = keys.contains(column.id) ? " <span class=\"faint\">key</span>" : ""
            text += "<tr id=\"\(HTMLText.escaped(place))\"><td><a href=\"#\(HTML.anchor(place))\"><code>"
            text += "\(HTMLText.escaped(column.name))</code></a>\(mark)</td>"
            let cells = [
                column.datatype.rawValue + size, column.unit ?? "", column.description ?? "", column.ucd ?? "",
                column.columnIndex.map { String($0) } ?? "", column.principal == 1 ? "yes" : "",
            ]
            text += cells.map { "<td>\(HTMLText.escaped($0))</td>" }.joined() + "</tr>\n"
        }
        text += "</tbody></table></div>\n"
        if !table.indexes.isEmpty {
            let names = Dictionary(table.columns.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
            let lines = table.indexes.map { index in
                "\(index.name) (\(index.columns.map { names[$0] ?? $0 }.joined(separator: ", ")))"
            }
            text += "<p class=\"faint\">Indexes: \(HTMLText.escaped(lines.joined(separator: "; ")))</p>\n"
        }
        text += constraints(of: table)
        return text + "</section>\n"
    }

    /// Keys with links to what they point to, and the other constraints.
    private func constraints(of table: Table) -> String {
        guard !table.constraints.isEmpty else { return "" }
        func link(_ id: String) -> String {
            guard let place = places[id] else { return HTMLText.escaped(id) }
            let target = schema.tables[place.table]
            let column = target.columns[place.column].name
            let name = target.name == table.name ? column : "\(target.name).\(column)"
            return "<a href=\"#\(HTML.anchor("\(target.name).\(column)"))\">\(HTMLText.escaped(name))</a>"
        }
        func links(_ ids: [String]) -> String { ids.map(link).joined(separator: ", ") }
        var text = "<ul class=\"faint\">\n"
        for constraint in table.constraints {
            let content =
                switch constraint.content {
                case .foreignKey(let key): "foreign key (\(links(key.columns))) to (\(links(key.referenced)))"
                case .unique(let columns): "unique (\(links(columns)))"
                case .check(let expression): "check <code>\(HTMLText.escaped(expression))</code>"
                }
            let description = constraint.description.map { ": \(HTMLText.escaped($0))" } ?? ""
            text += "<li>\(HTMLText.escaped(constraint.name)), \(content)\(description)</li>\n"
        }
        return text + "</ul>\n"
    }
}

enum HTML {
    /// The fragment of an address.
    static func anchor(_ name: String) -> String {
        var result = ""
        for byte in name.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += byte < 16 ? "%0\(String(byte, radix: 16))" : "%\(String(byte, radix: 16))"
            }
        }
        return result
    }
}
