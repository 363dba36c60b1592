import AstroTime
import Butler
import ButlerModel
import Foundation
import Registry
import RepositoryConfiguration

@testable import ButlerServer

/// A repository on disk with collections of users and groups, and its twins: the same without what some viewer may not see.
final class VisibilityRepository: Sendable {
    /// What a twin lacks.
    struct Hidden: Sendable {
        var collections: Set<String> = []
        var types: Set<String> = []
    }

    let butler: DirectButler
    let refs: [DatasetRef]
    private let directory: String

    private struct Item {
        let type: String
        let instrument: String
        let detector: Int64
        let run: String
        var tag: String?
        var validity: Range<Int64>?

        init(
            _ type: String, _ instrument: String, _ detector: Int64, in run: String, tag: String? = nil,
            valid: Range<Int64>? = nil
        ) {
            self.type = type
            self.instrument = instrument
            self.detector = detector
            self.run = run
            self.tag = tag
            validity = valid
        }
    }

    static let runs = ["u/ann/run", "open/run", "u/bob/run", "g/few/run", "u/bob/shared", "u/bob/public", "empty/run"]
    static let tags = ["u/ann/best", "best"]
    static let chains: [(name: String, children: [String])] = [
        ("u/ann/chain", ["open/run"]), ("all", ["u/ann/run", "best", "g/few/run", "open/run", "calib"]),
        ("outer", ["u/ann/chain", "u/bob/shared", "all"]), ("g/few/chain", ["u/ann/run", "g/few/run"]),
    ]
    static let collections = runs + tags + ["calib"] + chains.map(\.name)

    private static let items = [
        Item("image", "Cam", 1, in: "open/run"), Item("image", "Cam", 2, in: "open/run", tag: "best"),
        Item("image", "Cam", 1, in: "u/ann/run", tag: "best"), Item("image", "Cam", 3, in: "u/ann/run", tag: "best"),
        Item("image", "Other", 1, in: "u/ann/run", tag: "best"), Item("image", "Cam", 2, in: "g/few/run"),
        Item("image", "Cam", 3, in: "u/bob/run"), Item("image", "Cam", 1, in: "u/bob/shared", tag: "u/ann/best"),
        Item("image", "Cam", 2, in: "u/bob/public"), Item("exotic", "Cam", 1, in: "u/ann/run", tag: "best"),
        Item("draft", "Other", 1, in: "open/run"), Item("draft", "Cam", 2, in: "open/run", tag: "best"),
        Item("bias", "Cam", 1, in: "open/run", valid: 0..<100),
        Item("bias", "Cam", 1, in: "u/ann/run", valid: 100..<200),
        Item("bias", "Cam", 2, in: "u/ann/run", valid: 0..<900),
    ]

    private init(butler: DirectButler, refs: [DatasetRef], directory: String) {
        self.butler = butler
        self.refs = refs
        self.directory = directory
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    static func make(without hidden: Hidden = Hidden()) async throws -> VisibilityRepository {
        let directory = NSTemporaryDirectory() + "visibility-\(UUID().uuidString)"
        let environment = ConfigurationEnvironment(variables: [:])
        try await DirectButler.create(directory, environment: environment)
        let butler = try await DirectButler.open(directory, writeable: true, environment: environment)
        let isThere = { @Sendable (name: String) in !hidden.collections.contains(name) }
        try await butler.registry.write { writer in
            for (instrument, detectors) in [("Cam", 1...3), ("Other", 1...1)] {
                try writer.insert([
                    try DimensionRecord(
                        writer.universe.requireElement("instrument"),
                        [
                            "name": .string(instrument), "detector_max": .int(3), "class_name": .string("x.Y"),
                            "visit_system": .int(0),
                        ])
                ])
                try writer.insert(
                    try detectors.map { detector in
                        try DimensionRecord(
                            writer.universe.requireElement("detector"),
                            [
                                "instrument": .string(instrument), "id": .int(Int64(detector)),
                                "full_name": .string("D\(detector)"),
                            ])
                    })
            }
            for name in Self.runs where isThere(name) { try writer.registerCollection(name, type: .run) }
            for name in Self.tags where isThere(name) { try writer.registerCollection(name, type: .tagged) }
            try writer.registerCollection("calib", type: .calibration)
            for (name, children) in Self.chains where isThere(name) {
                try writer.registerCollection(name, type: .chained, documentation: "chain")
                try writer.setChain(name, children: children.filter(isThere))
            }
            for name in ["draft", "image", "exotic", "bias"] where !hidden.types.contains(name) {
                try writer.registerDatasetType(
                    try DatasetType(
                        name: name, dimensions: writer.universe.group(["detector"]),
                        storageClass: "StructuredDataDict", isCalibration: name == "bias"))
            }
        }
        var refs: [DatasetRef] = []
        for item in Self.items where isThere(item.run) && !hidden.types.contains(item.type) {
            let dataset = DirectButler.NewDataset(
                .structured(["from": .string(item.run)]), item.type,
                ["instrument": .string(item.instrument), "detector": .int(item.detector)])
            let ref = try await butler.put([dataset], run: item.run, ids: .dataIDAndRun)[0]
            refs.append(ref)
            try await butler.registry.write { writer in
                if let tag = item.tag, isThere(tag) { try writer.associate([ref], with: tag) }
                if let validity = item.validity {
                    try writer.certify(
                        [ref], in: "calib",
                        timespan: Timespan(
                            begin: TAINanoseconds(rawValue: validity.lowerBound),
                            end: TAINanoseconds(rawValue: validity.upperBound)))
                }
            }
        }
        return VisibilityRepository(butler: butler, refs: refs, directory: directory)
    }

    /// Switches the rules on and makes two grants.
    func protect() async throws {
        try await butler.registry.write { writer in
            try writer.enableCollectionAccess()
            try writer.grant(.groups(["few", "others"]), on: ["u/bob/shared"])
            try writer.grant(.everyone, on: ["u/bob/public"])
        }
    }

    static let catalogue = """
        dataset_types:
          image: {description: Images.}
          bias: {description: Biases., groups: ["*"]}
          exotic: {description: Oddities.}
          draft: {description: Drafts., groups: [staff]}
        """
}
