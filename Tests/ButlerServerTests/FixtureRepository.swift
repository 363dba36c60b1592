import AstroTime
import ButlerModel
import ButlerServer
import ByteText
import Datastore
import Foundation
import ObjectStorage
import Query
import Registry
import StructuredData

/// A repository in memory: two detectors of one camera, a run, a tagged collection, a chain and files in a directory.
final class FixtureRepository: ServedRepository, RepositoryView {
    let universe: DimensionUniverse
    let types: [String: DatasetType]
    let refs: [DatasetRef]
    let records: [DatasetID: [ServedFile]]

    static let camera = "Cam"
    static let whole = id(1)
    static let parts = id(2)
    static let unstored = id(3)
    static let member = id(4)
    static let remote = id(5)
    static let bucket = id(6)
    /// A zip file as a dataset, and a dataset inside of it.
    static let archive = id(7)
    static let inside = id(8)
    static let unknown = id(99)

    static func id(_ number: UInt64) -> DatasetID {
        DatasetID(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0000 | number)
    }

    /// - Parameter directory: where the files are, absolute.
    init(directory: String) throws {
        let universe = try DimensionUniverse(DimensionConfiguration(try StructuredValue(json: Self.dimensions)))
        self.universe = universe
        let group = try universe.group(["detector"])
        let settings = try DatasetType(name: "settings", dimensions: group, storageClass: "StructuredDataDict")
        let summary = try DatasetType(name: "summary", dimensions: group, storageClass: "StructuredDataDict")
        let bias = try DatasetType(
            name: "bias", dimensions: group, storageClass: "StructuredDataDict", isCalibration: true)
        types = ["settings": settings, "summary": summary, "bias": bias]
        func ref(_ id: DatasetID, _ type: DatasetType, _ detector: Int64) -> DatasetRef {
            DatasetRef(
                id: id, datasetType: type,
                dataID: DataCoordinate(group: group, values: [.string(Self.camera), .int(detector)]), run: "run/a")
        }
        refs = [
            ref(Self.whole, settings, 1), ref(Self.parts, bias, 1), ref(Self.unstored, settings, 3),
            ref(Self.member, settings, 2), ref(Self.remote, summary, 1), ref(Self.bucket, summary, 2),
            ref(Self.archive, summary, 3), ref(Self.inside, bias, 2),
        ]
        let root = try ResourceURI(localPath: directory).asDirectory
        func file(_ path: String, component: String? = nil, formatter: String = "json.JsonFormatter") throws
            -> ServedFile
        {
            ServedFile(
                info: StoredFileInfo(
                    formatter: "lsst.daf.butler.formatters.\(formatter)", path: path,
                    storageClass: "StructuredDataDict", component: component),
                location: try root.join(path))
        }
        records = [
            Self.whole: [try file("run/a/settings é 1.json")],
            Self.parts: [
                try file("run/a/bias.left.yaml", component: "left", formatter: "yaml.YamlFormatter"),
                try file("run/a/bias.right.yaml", component: "right", formatter: "yaml.YamlFormatter"),
            ],
            Self.member: [try file("zips/b.zip#zip-path=settings 2.json")],
            Self.remote: [try file("https://files.example/x/summary.json")],
            Self.archive: [try file("zips/c.zip")], Self.inside: [try file("zips/c.zip#zip-path=a.json")],
            Self.bucket: [try file("s3://bucket/x/summary.json")],
        ]
    }

    /// Queries are tested with real repositories.
    var queries: any QueryExecutor { preconditionFailure("this repository answers no queries") }

    func hasVisibilityRules() async throws -> Bool { false }
    func acting(for viewer: Viewer) -> any ServedRepository { self }

    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any RepositoryView) throws -> Result
    ) async throws -> Result { try body(self) }

    // MARK: Reading

    func datasetType(_ name: String) throws -> DatasetType {
        try DatasetType.checkName(name)
        guard let type = types[name] else {
            throw ButlerError(.missingDatasetType, "Dataset type '\(name)' does not exist.")
        }
        return type
    }

    func datasetTypes(matching patterns: [String]) throws -> (found: [DatasetType], missing: [String]) {
        let wanted = patterns.map { NamePattern($0) }
        let found = types.values.filter { type in wanted.contains { $0.matches(type.name) } }
        return (
            found.sorted { $0.name < $1.name }, patterns.filter { Glob($0) == nil && types[$0] == nil }
        )
    }

    func dataset(_ id: DatasetID) throws -> DatasetRef? { refs.first { $0.id == id } }
    func datasets(_ ids: [DatasetID]) throws -> [DatasetRef] { refs.filter { ids.contains($0.id) } }

    func findDataset(
        _ type: DatasetType, dataID: [String: DataIDValue], defaults: [String: DataIDValue], collections: [String],
        time: CalibrationTime
    ) throws -> DatasetRef? {
        _ = try collectionInfo(CollectionSearch(collections))
        let wanted = try DataCoordinate.standardize(
            dataID, group: type.dimensions, universe: universe, defaults: defaults)
        return refs.first { $0.datasetType == type && $0.dataID == wanted }
    }

    func expand(_ loose: [String: DataIDValue]) throws -> DataCoordinate {
        try expand(try DataCoordinate.standardize(loose, group: nil, universe: universe))
    }

    func expand(_ dataID: DataCoordinate) throws -> DataCoordinate {
        let found = try dataID.group.elements.map { element -> DimensionRecord? in
            switch element.name {
            case "instrument": try DimensionRecord(element, ["name": .string(Self.camera), "detector_max": .int(3)])
            case "detector":
                try DimensionRecord(
                    element,
                    [
                        "instrument": .string(Self.camera), "id": .int(dataID["detector"]?.intValue ?? 0),
                        "full_name": .string("D"),
                    ])
            default: nil
            }
        }
        return DataCoordinate(group: dataID.group, values: dataID.values, records: found)
    }

    private static let collections = [
        CollectionInfo(name: "run/a", type: .run, documentation: "First light"),
        CollectionInfo(name: "best", type: .tagged),
        CollectionInfo(name: "all", type: .chained, children: ["best", "run/a"]),
    ]

    func collectionInfo(_ search: CollectionSearch) throws -> [CollectionInfo] {
        for pattern in search.patterns
        where Glob(pattern) == nil && !Self.collections.contains(where: { $0.name == pattern }) {
            throw ButlerError(.missingCollection, "No collection with name '\(pattern)' found.")
        }
        return Self.collections.filter { info in
            search.types.contains(info.type) && search.patterns.contains { NamePattern($0).matches(info.name) }
        }
    }

    func collectionSummary(_ name: String) throws -> CollectionSummary {
        _ = try collectionInfo(CollectionSearch([name]))
        return CollectionSummary(datasetTypes: ["settings", "bias"], governors: ["instrument": [ExactName(Self.camera)]])
    }

    func files(of ids: [DatasetID]) throws -> [DatasetID: [ServedFile]] { records.filter { ids.contains($0.key) } }

    static let dimensions = """
        {"version": 8, "namespace": "daf_butler",
         "skypix": {"common": "htm7", "htm": {"class": "lsst.sphgeom.HtmPixelization", "max_level": 8}},
         "elements": {
          "instrument": {"doc": "A camera.", "keys": [{"name": "name", "type": "string", "length": 32}],
            "metadata": [{"name": "detector_max", "type": "int"}], "is_cached": true, "governor": true},
          "detector": {"doc": "A sensor.", "keys": [{"name": "id", "type": "int"},
              {"name": "full_name", "type": "string", "length": 32}], "requires": ["instrument"], "is_cached": true}},
         "topology": {"spatial": {}, "temporal": {}}}
        """
}
