import ButlerModel
import Foundation
import RepositoryConfiguration
import StructuredData

@testable import Datastore

/// The universe of new repositories and references in it.
enum TestData {
    static func universe() throws -> DimensionUniverse {
        try DimensionUniverse(DimensionConfiguration(.object(try DefaultDimensions.configuration())))
    }

    static let id = DatasetID(high: 0x1234_5678_9abc_7def, low: 0x8123_4567_89ab_cdef)

    /// A reference whose data ID is expanded with records that hold the given attributes, named `element.column`.
    static func ref(
        _ name: String, _ dimensions: [String], _ values: [String: DataIDValue], run: String = "u/r",
        attributes: [String: ColumnValue] = [:], expanded: Bool = true, storageClass: String = "StructuredDataDict",
        id: DatasetID = id
    ) throws -> DatasetRef {
        let universe = try universe()
        let group = try universe.group(dimensions)
        let type = try DatasetType(
            name: name, dimensions: group, storageClass: storageClass,
            parentStorageClass: name.contains(".") ? "FixtureMetrics" : nil)
        let known = group.keyNames.compactMap { values[$0] }
        guard expanded else {
            return DatasetRef(
                id: id, datasetType: type,
                dataID: DataCoordinate(
                    group: group,
                    values: known.count == group.keyNames.count ? known : Array(known.prefix(group.requiredNames.count))
                ),
                run: run)
        }
        let records = group.elements.map { element -> DimensionRecord? in
            let columns = element.columns.map { column -> ColumnValue in
                if let value = attributes["\(element.name).\(column.name)"] { return value }
                let dimension: Int? =
                    switch column.role {
                    case .required(let position), .implied(let position): position
                    default: nil
                    }
                return dimension.flatMap { values[universe.elements[$0].name] }.map { ColumnValue($0) } ?? .null
            }
            return DimensionRecord(element: element, values: columns)
        }
        return DatasetRef(
            id: id, datasetType: type, dataID: DataCoordinate(group: group, values: known, records: records), run: run)
    }
}

/// A directory that vanishes with the value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "datastore-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    func write(_ bytes: [UInt8], to name: String) throws {
        let url = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    func bytes(of name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
    }

    /// All files, relative, sorted.
    func files() -> [String] {
        let all = FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []
        return all.filter { name in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }.sorted()
    }
}
