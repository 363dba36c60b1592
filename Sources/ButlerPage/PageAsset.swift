/// A file of the page for people: HTML, styles and ECMAScript modules, built into the program (directory `Assets`).
///
/// Nothing is generated and nothing comes from elsewhere: what a browser gets is what is in the directory.
public struct PageAsset: Sendable {
    /// The name in URLs.
    public let name: String
    public let contentType: String
    public let bytes: [UInt8]
    /// A strong entity tag (RFC 9110, section 8.8.3), made of size and content.
    public let entityTag: String

    init(_ name: String, _ bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
        contentType =
            switch name.split(separator: ".").last {
            case "html": "text/html; charset=utf-8"
            case "css": "text/css; charset=utf-8"
            case "js": "text/javascript; charset=utf-8"
            case "svg": "image/svg+xml"
            default: "application/octet-stream"
            }
        entityTag = "\"\(String(bytes.count, radix: 16))-\(String(Self.fingerprint(bytes), radix: 16))\""
    }

    /// FNV-1a with 64 bits: enough to tell the versions of one file apart.
    private static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

extension PageAsset {
    /// The document that refers to all others.
    public static let document = PageAsset("index.html", PackageResources.index_html)

    /// What the document refers to.
    public static let parts = [
        PageAsset("api.js", PackageResources.api_js),
        PageAsset("app.js", PackageResources.app_js),
        PageAsset("browse.js", PackageResources.browse_js),
        PageAsset("dataset.js", PackageResources.dataset_js),
        PageAsset("document-tree.js", PackageResources.document_tree_js),
        PageAsset("dom.js", PackageResources.dom_js),
        PageAsset("exact-json.js", PackageResources.exact_json_js),
        PageAsset("grid.js", PackageResources.grid_js),
        PageAsset("icon.svg", PackageResources.icon_svg),
        PageAsset("image-view.js", PackageResources.image_view_js),
        PageAsset("names.js", PackageResources.names_js),
        PageAsset("page.css", PackageResources.page_css),
        PageAsset("panels.css", PackageResources.panels_css),
        PageAsset("preview.js", PackageResources.preview_js),
        PageAsset("projection.js", PackageResources.projection_js),
        PageAsset("query.js", PackageResources.query_js),
        PageAsset("region.js", PackageResources.region_js),
        PageAsset("row-source.js", PackageResources.row_source_js),
        PageAsset("rows.js", PackageResources.rows_js),
        PageAsset("sky-map.js", PackageResources.sky_map_js),
        PageAsset("time.js", PackageResources.time_js),
    ]
}
