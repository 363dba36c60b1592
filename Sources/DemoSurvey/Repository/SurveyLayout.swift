import Butler
import ButlerModel
import Registry
import RepositoryConfiguration
import StructuredData

/// The names of the survey's collections and dataset types.
enum SurveyLayout {
    static let raws = "StewardCam/raw/all"
    static let calibrations = "StewardCam/calib"
    static let calibrationRuns = "StewardCam/calib/gen"
    static func calibrationRun(night: Int) -> String { "\(calibrationRuns)/night\(night)" }
    static let firstRun = "demo/run/1"
    static let secondRun = "demo/run/2"
    static let goodSeeing = "demo/good_seeing"
    static let defaults = "demo/defaults"
    static let everything = "demo/everything"

    private static let collections: [(name: String, type: CollectionType, documentation: String)] = [
        (raws, .run, "Raw exposures as they came from the camera."),
        (calibrationRun(night: 1), .run, "Biases and flats measured from the frames of 2026-01-01."),
        (calibrationRun(night: 2), .run, "Biases and flats measured from the frames of 2026-01-02."),
        (calibrationRuns, .chained, "All biases and flats, the newer ones first."),
        (calibrations, .calibration, "Which biases and flats are valid when."),
        (firstRun, .run, "All visits, calibrated with a constant sky."),
        (secondRun, .run, "The last visits once more, calibrated with a sloping sky."),
        (goodSeeing, .tagged, "Calibrated exposures of the sharper half of the visits."),
        (defaults, .chained, "What most people want: the newest processing, the raws and their calibrations."),
        (everything, .chained, "The defaults, and the calibrations whatever their validity."),
    ]

    private static let chains: [(name: String, children: [String])] = [
        (calibrationRuns, [calibrationRun(night: 2), calibrationRun(night: 1)]),
        (defaults, [secondRun, firstRun, raws, calibrations]),
        (everything, [defaults, calibrationRuns]),
    ]

    /// FITS datasets have the one storage class of Python's Butler package whose formatter reads FITS; see `PixelTable`.
    private static let table = "AstropyTable"
    private static let mapping = "StructuredDataDict"

    private static let datasetTypes: [(name: String, dimensions: [String], storageClass: String, isCalibration: Bool)] =
        [
            ("raw", ["instrument", "exposure", "detector"], table, false),
            ("bias", ["instrument", "detector"], table, true),
            ("flat", ["instrument", "detector", "physical_filter"], table, true),
            ("calexp", ["instrument", "visit", "detector"], table, false),
            ("sources", ["instrument", "visit"], table, false),
            ("visit_summary", ["instrument", "visit"], mapping, false),
            ("detector_notes", ["instrument", "detector"], mapping, false),
            ("patch_coverage", ["skymap", "tract", "patch", "band"], mapping, false),
            ("survey_config", [], mapping, false),
        ]

    /// The repository's own settings: visit summaries are JSON, where mappings are otherwise written as YAML.
    static func configuration(_ database: DemoSurvey.ServerDatabase?) -> ConfigurationDocument {
        var document = ConfigurationDocument(values: [
            "datastore": ["formatters": ["visit_summary": "lsst.daf.butler.formatters.json.JsonFormatter"]]
        ])
        if let database {
            document.values["registry"] = ["db": .string(database.url)]
            if let schema = database.schema {
                document.values["registry"] = ["db": .string(database.url), "namespace": .string(schema)]
            }
        }
        return document
    }

    /// Registers all collections and dataset types.
    static func register(_ writer: RegistryWriter) throws {
        for collection in collections {
            try writer.registerCollection(
                collection.name, type: collection.type, documentation: collection.documentation)
        }
        for chain in chains { try writer.setChain(chain.name, children: chain.children) }
        for type in datasetTypes {
            try writer.registerDatasetType(
                DatasetType(
                    name: type.name, dimensions: try writer.universe.group(type.dimensions),
                    storageClass: type.storageClass, isCalibration: type.isCalibration))
        }
    }
}
