import ButlerModel
import ByteText
import Registry
import StructuredData
import TableRendering

/// How `query-collections` shows chains.
enum ChainStyle: String, CaseIterable, Sendable {
    case table = "TABLE"
    case inverseTable = "INVERSE-TABLE"
    case tree = "TREE"
    case inverseTree = "INVERSE-TREE"
    case flatten = "FLATTEN"
    case noChildren = "NO-CHILDREN"

    var showsParents: Bool { self == .inverseTable || self == .inverseTree }
}

/// The collections of a repository that match a search, as the rows of one table.
struct CollectionReport {
    let snapshot: RegistrySnapshot
    let style: ChainStyle
    /// `nil` when dataset types are not shown; else the globs of those to leave out.
    let excludedDatasetTypes: [NamePattern]?

    private static let nameColumn = "Name"
    private static let typeColumn = "Type"
    private static let datasetTypesColumn = "Dataset Types"

    func search(_ patterns: [String], types: Set<CollectionType>) throws -> [CollectionInfo] {
        try snapshot.collectionInfo(
            CollectionSearch(
                patterns.isEmpty ? ["*"] : patterns, types: types, flattenChains: style == .flatten,
                includeParents: style.showsParents, includeSummary: excludedDatasetTypes != nil))
    }

    func table(_ found: [CollectionInfo]) throws -> TextTable {
        switch style {
        case .table, .inverseTable: try relativesTable(Self.sorted(found))
        case .tree, .inverseTree: try treeTable(Self.sorted(found))
        case .flatten, .noChildren: listTable(found)
        }
    }

    /// One object for each collection found, whatever the style draws.
    func json(_ found: [CollectionInfo]) -> [StructuredMapping] {
        found.map { info in
            var object: StructuredMapping = [
                "name": .string(info.name), "type": .string(info.type.description),
                "children": .array(info.children.map { .string($0) }),
            ]
            if style.showsParents {
                object["parents"] = .array((info.parents ?? []).sortedTexts().map { .string($0) })
            }
            if excludedDatasetTypes != nil {
                object["dataset_types"] = .array(shownTypes(info).map { .string($0) })
            }
            return object
        }
    }

    // MARK: Layouts

    /// Each collection once, with a column for its children or its parents.
    private func relativesTable(_ found: [CollectionInfo]) throws -> TextTable {
        let relativesColumn = style.showsParents ? "Parents" : "Children"
        var table = emptyTable([Self.nameColumn, Self.typeColumn, relativesColumn])
        var hasRelatives = false
        for info in found {
            let relatives = style.showsParents ? (info.parents ?? []).sortedTexts() : info.children
            hasRelatives = hasRelatives || (style.showsParents ? !relatives.isEmpty : info.type == .chained)
            let head = [info.name, info.type.description]
            guard !relatives.isEmpty else {
                append(head + [""], info, to: &table)
                continue
            }
            for (index, relative) in relatives.enumerated() {
                let row = (index == 0 ? head : ["", ""]) + [relative]
                append(row, excludedDatasetTypes == nil ? nil : try self.info(relative), to: &table)
            }
        }
        if !hasRelatives { table.removeColumn(relativesColumn) }
        return table
    }

    /// Each collection with the chains it is in, or the members it has, indented below it.
    private func treeTable(_ roots: [CollectionInfo]) throws -> TextTable {
        var table = emptyTable([Self.nameColumn, Self.typeColumn])
        var pending = roots.reversed().map { (info: $0, path: [$0.name]) }
        while let (info, path) = pending.popLast() {
            let indent = String(repeating: "  ", count: path.count - 1)
            append([indent + info.name, info.type.description], info.type == .chained ? nil : info, to: &table)
            let next = style.showsParents ? (info.parents ?? []).sortedTexts() : info.children
            for name in next.reversed() {
                guard !path.contains(where: { $0.hasSameBytes(as: name) }) else {
                    throw CommandFailure.refused("Collection '\(name)' contains itself; correct the chain.")
                }
                pending.append((try self.info(name), path + [name]))
            }
        }
        return table
    }

    private func listTable(_ found: [CollectionInfo]) -> TextTable {
        var table = emptyTable([Self.nameColumn, Self.typeColumn])
        for info in found { append([info.name, info.type.description], info, to: &table) }
        return table
    }

    // MARK: Parts

    private func emptyTable(_ columns: [String]) -> TextTable {
        // Left, or the indentation of a tree would not show.
        TextTable(
            columns: columns + (excludedDatasetTypes == nil ? [] : [Self.datasetTypesColumn]), alignment: .left)
    }

    /// Adds a row, and if dataset types are shown one more for each after the first.
    private func append(_ row: [String], _ info: CollectionInfo?, to table: inout TextTable) {
        guard excludedDatasetTypes != nil else {
            table.append(row)
            return
        }
        let types = info.map(shownTypes) ?? []
        table.append(row + [types.first ?? ""])
        for type in types.dropFirst() {
            table.append([String](repeating: "", count: row.count) + [type])
        }
    }

    private func shownTypes(_ info: CollectionInfo) -> [String] {
        (info.datasetTypes ?? []).sorted().filter { name in
            excludedDatasetTypes?.contains { $0.matches(name) } == false
        }
    }

    private func info(_ name: String) throws -> CollectionInfo {
        let search = CollectionSearch(
            [name], includeParents: style.showsParents, includeSummary: excludedDatasetTypes != nil)
        guard let info = try snapshot.collectionInfo(search).first else {
            throw CommandFailure.refused("Collection '\(name)' disappeared while it was listed; try again.")
        }
        return info
    }

    private static func sorted(_ found: [CollectionInfo]) -> [CollectionInfo] {
        found.sorted { $0.name.precedesInBytes($1.name) }
    }
}
