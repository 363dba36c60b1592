import Butler
import ButlerModel
import DatabaseSupport
import Datastore
import FITS
import Foundation
import Registry
import RepositoryConfiguration
import StructuredData
import Testing

@testable import DemoSurvey

private struct TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("demo-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func keep(_ name: String) -> String { path + "/" + name }
    func remove() throws { try FileManager.default.removeItem(atPath: path) }

    var content: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}

private let camera: DataIDValue = "StewardCam"

@Suite struct DemoSurveyTests {
    @Test func everyDatasetTypeHasItsDatasetsWhereTheyBelong() async throws {
        try await withSurvey { butler in
            #expect(!butler.isWriteable)
            func count(_ type: String, _ collection: String, findFirst: Bool = false) async throws -> Int {
                try await butler.query.datasets(type, in: [collection], findFirst: findFirst).count()
            }
            let counts = [
                try await count("raw", "StewardCam/raw/all"), try await count("bias", "StewardCam/calib/gen/night1"),
                try await count("flat", "StewardCam/calib/gen/night2"), try await count("bias", "StewardCam/calib"),
                try await count("calexp", "demo/run/1"), try await count("calexp", "demo/run/2"),
                try await count("calexp", "demo/defaults", findFirst: true), try await count("visit_summary", "demo/run/1"),
                try await count("sources", "demo/run/1"), try await count("survey_config", "demo/defaults"),
                try await count("detector_notes", "demo/everything"), try await count("calexp", "demo/good_seeing"),
            ]
            #expect(counts == [48, 8, 24, 16, 48, 8, 48, 6, 6, 1, 8, 24])
        }
    }

    @Test func collectionsHaveTheirTypesChildrenAndDocumentation() async throws {
        try await withSurvey { butler in
            let info = try await butler.registry.read {
                try $0.collectionInfo(CollectionSearch(includeDocumentation: true))
            }
            let types = Dictionary(uniqueKeysWithValues: info.map { ($0.name, $0.type) })
            #expect(types["StewardCam/calib"] == .calibration)
            #expect(types["demo/good_seeing"] == .tagged)
            #expect(types["demo/everything"] == .chained)
            #expect(info.allSatisfy { !$0.documentation.isEmpty })
            let flat = try await butler.registry.read { try $0.flatten(["demo/everything"]) }
            #expect(
                flat == [
                    "demo/run/2", "demo/run/1", "StewardCam/raw/all", "StewardCam/calib",
                    "StewardCam/calib/gen/night2", "StewardCam/calib/gen/night1",
                ])
        }
    }

    @Test func reprocessedVisitsComeFirstInTheDefaults() async throws {
        try await withSurvey { butler in
            func run(_ visit: Int64) async throws -> String? {
                try await butler.findDataset(
                    "calexp", dataID: ["instrument": camera, "visit": .int(visit), "detector": 0],
                    collections: ["demo/defaults"], time: .none)?.run
            }
            #expect(try await run(2_026_010_200_003) == "demo/run/2")
            #expect(try await run(2_026_010_200_002) == "demo/run/1")
            let again = try await butler.get(
                "visit_summary", dataID: ["instrument": camera, "visit": 2_026_010_200_003],
                collections: ["demo/defaults"])
            guard case .structured(let summary) = again else { Issue.record("not structured"); return }
            #expect(summary["background_model"] == "plane")
        }
    }

    @Test func eachNightHasItsOwnCalibrations() async throws {
        try await withSurvey { butler in
            func bias(_ exposure: Int64) async throws -> (DatasetRef, [Float]) {
                let dataID: [String: DataIDValue] = ["instrument": camera, "exposure": .int(exposure), "detector": 3]
                let ref = try #require(
                    try await butler.findDataset(
                        "bias", dataID: dataID, collections: ["demo/defaults"], time: .ofDataID))
                return (ref, try Self.pixels(try await butler.get(ref)))
            }
            let (first, one) = try await bias(2_026_010_100_001)
            let (last, two) = try await bias(2_026_010_200_003)
            #expect(first.run == "StewardCam/calib/gen/night1")
            #expect(last.run == "StewardCam/calib/gen/night2")
            // The mean of three frames is good to two counts; the nights differ by more.
            let differences = zip(one, two).map { abs($0 - $1) }
            #expect(differences.reduce(0, +) / Float(differences.count) > 3)
        }
    }

    private static func pixels(_ value: DatasetValue) throws -> [Float] {
        guard case .fits(let file) = value else { throw FITSError.missingHDU(name: "image", present: []) }
        return try ImageFiles.calibrationPixels(file)
    }

    @Test func aBrightStarOfTheCatalogueIsOnTheCalibratedImageAtItsPosition() async throws {
        let catalogue = try StarCatalogue(seed: SharedSurvey.seed)
        let small = Camera(pixels: SurveyScale.small.pixels)
        let visit = try #require(
            try Schedule(camera: small, visitsPerNight: SurveyScale.small.visitsPerNight, seed: SharedSurvey.seed)
                .visits.first { $0.id == 2_026_010_100_002 })
        var tested = 0
        for detector in small.detectors {
            let projection = visit.projection(detector, of: small)
            let stars = catalogue.stars.compactMap { star -> (x: Int, y: Int)? in
                guard (9.5...13).contains(star.magnitudes[visit.filterIndex]),
                    let place = projection.pixel(of: star.direction),
                    (4.0...43).contains(place.x), (4.0...43).contains(place.y)
                else { return nil }
                return (Int(place.x.rounded()), Int(place.y.rounded()))
            }
            let image = try await withSurvey { butler in
                let value = try await butler.get(
                    "calexp",
                    dataID: [
                        "instrument": camera, "visit": .int(Int64(visit.id)), "detector": .int(Int64(detector.id)),
                    ], collections: ["demo/run/1"])
                guard case .fits(let file) = value else { throw FITSError.missingHDU(name: "IMAGE", present: []) }
                return try MaskedImage(file)
            }
            let detected = image.bitMask(["DETECTED"])
            let bad = image.bitMask(["BAD", "SAT"])
            let sky = try #require(RobustStatistics.median(image.image.map { Double($0) }))
            let noise = try #require(RobustStatistics.median(image.variance.map { Double($0) })).squareRoot()
            #expect(abs(sky) < noise)
            for star in stars where image.mask[star.y * 48 + star.x] & bad == 0 {
                #expect(Double(image.image[star.y * 48 + star.x]) > 10 * noise)
                #expect(image.mask[star.y * 48 + star.x] & detected != 0)
                tested += 1
            }
        }
        #expect(tested >= 3)
    }

    @Test func theMeasuredZeroPointAndSeeingAreThoseOfTheSimulation() async throws {
        let small = Camera(pixels: SurveyScale.small.pixels)
        let schedule = try Schedule(
            camera: small, visitsPerNight: SurveyScale.small.visitsPerNight, seed: SharedSurvey.seed)
        try await withSurvey { butler in
            var zeroPoints = 0
            for visit in schedule.visits {
                let value = try await butler.get(
                    "visit_summary", dataID: ["instrument": camera, "visit": .int(Int64(visit.id))],
                    collections: ["demo/run/1"])
                guard case .structured(let summary) = value else { Issue.record("not structured"); return }
                let expected =
                    visit.filter.zeroPoint - visit.filter.extinction * visit.pointing.airmass
                    + 2.5 * log10(visit.transparency)
                if let measured = summary["zero_point_mag"]?.numberValue {
                    // The flat field's level is the mean over the focal plane, which vignetting makes less than 1.
                    #expect(abs(measured - expected) < 0.2)
                    zeroPoints += 1
                }
                if let seeing = summary["seeing_fwhm_arcsec"]?.numberValue {
                    #expect(abs(seeing / visit.seeing - 1) < 0.15)
                }
                #expect((summary["source_count"]?.intValue ?? 0) > 20)
            }
            #expect(zeroPoints >= 3)
        }
    }

    @Test func theSameSeedGivesTheSameIdentifiersAndFiles() async throws {
        let directory = try TemporaryDirectory()
        let again = directory.keep("again")
        _ = try await DemoSurvey.make(at: again, seed: SharedSurvey.seed, scale: .small)
        let first = try await SharedSurvey.one.path()
        let names = try Self.files(first)
        #expect(try Self.files(again) == names)
        #expect(names.count > 150)
        // The configuration of a survey on a server names the server.
        for name in names where !TestDatabase.isPostgreSQL || name != "butler.yaml" {
            let same = FileManager.default.contentsEqual(atPath: first + "/" + name, andPath: again + "/" + name)
            #expect(same, "\(name) differs")
        }
        #expect(try await Self.identifiers(first) == Self.identifiers(again))
        try directory.remove()
    }

    /// All files but the database, which keeps the time of its making.
    private static func files(_ root: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: root).filter { name in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: root + "/" + name, isDirectory: &isDirectory)
                && !isDirectory.boolValue && !name.hasPrefix("gen3.sqlite3")
        }.sorted()
    }

    private static func identifiers(_ root: String) async throws -> Set<String> {
        let butler = try await DirectButler.open(root, environment: ConfigurationEnvironment(variables: [:]))
        let refs = try await butler.queryAllDatasets(collections: ["demo/everything"], findFirst: false, limit: nil)
        let found = Set(refs.map(\.description))
        try await butler.close()
        return found
    }

    // MARK: Directories

    @Test func aDirectoryWithContentIsRefusedAndLeftAlone() async throws {
        let directory = try TemporaryDirectory()
        try Data().write(to: URL(fileURLWithPath: directory.keep("notes.txt")))
        await #expect(throws: DemoSurveyError.notEmpty(directory.path)) {
            try await DemoSurvey.make(at: directory.path, scale: .small)
        }
        #expect(try directory.content == ["notes.txt"])
        try directory.remove()
    }

    @Test func aFileIsRefused() async throws {
        let directory = try TemporaryDirectory()
        try Data().write(to: URL(fileURLWithPath: directory.keep("notes.txt")))
        await #expect(throws: DemoSurveyError.notADirectory(directory.keep("notes.txt"))) {
            try await DemoSurvey.make(at: directory.keep("notes.txt"), scale: .small)
        }
        try directory.remove()
    }

    @Test func aCancelledSurveyLeavesNothing() async throws {
        let directory = try TemporaryDirectory()
        let target = directory.keep("survey")
        let work = Task { try await DemoSurvey.make(at: target, scale: .small) }
        while try directory.content.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        work.cancel()
        await #expect(throws: CancellationError.self) { try await work.value }
        #expect(try directory.content.isEmpty)
        try directory.remove()
    }

    @Test func aDraftTakesTheNameOfAnEmptyDirectoryOnly() throws {
        let directory = try TemporaryDirectory()
        let target = directory.keep("survey")
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
        let draft = try NewDirectory(target)
        try Data().write(to: URL(fileURLWithPath: target + "/late.txt"))
        #expect(throws: DemoSurveyError.notEmpty(target)) { try draft.publish() }
        try FileManager.default.removeItem(atPath: target + "/late.txt")
        try draft.publish()
        #expect(try directory.content == ["survey"])
        try directory.remove()
    }
}
