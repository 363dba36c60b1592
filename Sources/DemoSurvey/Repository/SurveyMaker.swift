import AstroTime
import Butler
import ButlerModel
import Datastore
import FITS
import Registry

/// Simulates, calibrates and stores a survey in an empty repository.
struct SurveyMaker {
    let butler: DirectButler
    let seed: UInt64
    let scale: SurveyScale
    let camera: Camera
    let schedule: Schedule
    let catalogue: StarCatalogue
    let footprints: [VisitFootprint]

    init(_ butler: DirectButler, seed: UInt64, scale: SurveyScale) throws {
        let camera = Camera(pixels: scale.pixels)
        let schedule = try Schedule(camera: camera, visitsPerNight: scale.visitsPerNight, seed: seed)
        self.butler = butler
        self.seed = seed
        self.scale = scale
        self.camera = camera
        self.schedule = schedule
        catalogue = try StarCatalogue(seed: seed)
        footprints = try schedule.visits.map { try VisitFootprint($0, camera: camera) }
    }

    /// Makes everything. Returns the number of datasets.
    func run() async throws -> Int {
        let division = try SkyDivision()
        try await register(division)
        let raws = try await observe()
        let nightly = try await calibrate()
        let count = try await process(raws, run: SurveyLayout.firstRun, background: .constant, tagsGood: true)
        let again = try await process(
            raws.suffix(scale.reprocessedVisits), run: SurveyLayout.secondRun, background: .plane, tagsGood: false)
        let described = try await describe(division, nightly)
        return raws.count * camera.detectors.count + nightly.count * (1 + Camera.filters.count) + count + again
            + described
    }

    private func register(_ division: SkyDivision) async throws {
        let (footprints, camera, schedule) = (footprints, camera, schedule)
        try await butler.registry.write { writer in
            try SurveyLayout.register(writer)
            let records = SurveyRecords(universe: writer.universe)
            try writer.insert(
                try records.instrument(camera) + records.nights(schedule.nights) + records.sky(division)
                    + footprints.flatMap { try records.observation($0) })
        }
    }

    // MARK: Raws and calibrations

    /// A visit and the counts of its exposure, by detector number.
    private struct Raw: Sendable {
        let visit: Visit
        let counts: [[UInt16]]
    }

    /// Exposes, and keeps the raws.
    private func observe() async throws -> [Raw] {
        let sky = SkyExposure(camera: camera, catalogue: catalogue, seed: seed)
        let raws = try await ParallelMap.run(schedule.visits) { visit in
            Raw(
                visit: visit,
                counts: sky.camera.detectors.map { detector in
                    let model = DetectorModel(detector, of: sky.camera, night: visit.night, seed: sky.seed)
                    return sky.counts(visit, detector, model, response: model.response(visit.filter))
                })
        }
        let datasets = try raws.flatMap { raw in
            try zip(camera.detectors, raw.counts).map { detector, counts in
                DirectButler.NewDataset(
                    .fits(try ImageFiles.raw(counts, raw.visit, detector, camera: camera)), "raw",
                    dataID(exposure: raw.visit, detector))
            }
        }
        _ = try await put(datasets, run: SurveyLayout.raws)
        return raws
    }

    /// Measures biases and flats for each night, and certifies those of the first until the second begins.
    private func calibrate() async throws -> [NightlyCalibration] {
        let (camera, scale, seed) = (camera, scale, seed)
        var all: [NightlyCalibration] = []
        for night in schedule.nights {
            let calibrations = NightlyCalibration.levelled(
                try await ParallelMap.run(camera.detectors) {
                    NightlyCalibration(night, $0, camera: camera, scale: scale, seed: seed)
                })
            let refs = try await put(
                try calibrations.flatMap { try datasets($0) }, run: SurveyLayout.calibrationRun(night: night.number))
            let validity = try Timespan(
                begin: night.number == 1 ? nil : night.timespan.begin,
                end: night.number == schedule.nights.count ? nil : night.timespan.end)
            try await butler.registry.write { try $0.certify(refs, in: SurveyLayout.calibrations, timespan: validity) }
            all += calibrations
        }
        return all
    }

    private func datasets(_ calibration: NightlyCalibration) throws -> [DirectButler.NewDataset] {
        let (detector, night) = (calibration.detector, calibration.night)
        let place = dataID(detector)
        let bias = try ImageFiles.calibration(
            calibration.bias, kind: "bias", night: night, detector, filter: nil, camera: camera)
        return try [DirectButler.NewDataset(.fits(bias), "bias", place)]
            + zip(Camera.filters, calibration.flats).map { filter, flat in
                let file = try ImageFiles.calibration(
                    flat, kind: "flat", night: night, detector, filter: filter, camera: camera)
                return DirectButler.NewDataset(
                    .fits(file), "flat",
                    place.merging(["physical_filter": .string(filter.name)], uniquingKeysWith: { _, new in new }))
            }
    }

    // MARK: Processing

    /// Calibrates visits with what is certified for their time, and keeps images, sources and summaries in a run.
    /// - Parameter tagsGood: whether the sharper half of the visits goes into the collection of those.
    private func process(
        _ raws: [Raw], run: String, background: BackgroundModel, tagsGood: Bool
    ) async throws -> Int {
        let calibrations = try await CertifiedCalibrations(raws.map(\.visit), camera: camera, butler: butler)
        let (camera, catalogue) = (camera, catalogue)
        let results = try await ParallelMap.run(raws) { raw in
            CalibratedVisit(
                raw.visit, raws: raw.counts, calibrations: try calibrations.pixels(for: raw.visit, camera: camera),
                camera: camera, catalogue: catalogue, background: background)
        }
        let limit = RobustStatistics.median(results.compactMap(\.seeing))
        var count = 0
        var good: [DatasetRef] = []
        // One transaction for each night, so that no more than a night's files are in memory.
        for night in schedule.nights {
            let part = results.filter { $0.visit.night.number == night.number }
            let refs = try await put(try part.flatMap { try datasets($0) }, run: run)
            count += refs.count
            let sharp = part.filter { result in
                guard let seeing = result.seeing, let limit else { return false }
                return seeing <= limit
            }.map { Int64($0.visit.id) }
            good += refs.filter { $0.dataID["visit"]?.intValue.map(sharp.contains) ?? false }
        }
        if tagsGood {
            let tagged = good
            try await butler.registry.write { try $0.associate(tagged, with: SurveyLayout.goodSeeing) }
        }
        return count
    }

    private func datasets(_ result: CalibratedVisit) throws -> [DirectButler.NewDataset] {
        let visit = result.visit
        return try result.detectors.map { detector, calibrated in
            DirectButler.NewDataset(
                .fits(try ImageFiles.calexp(calibrated, detector, of: result, camera: camera)), "calexp",
                dataID(visit: visit).merging(dataID(detector)) { own, _ in own })
        } + [
            DirectButler.NewDataset(
                .fits(try SourceTable.file(result, camera: camera)), "sources", dataID(visit: visit)),
            DirectButler.NewDataset(
                .structured(try Summaries.visit(result)), "visit_summary", dataID(visit: visit)),
        ]
    }

    /// Keeps what describes the survey as a whole, its detectors and its patches.
    private func describe(_ division: SkyDivision, _ nightly: [NightlyCalibration]) async throws -> Int {
        var datasets = [
            DirectButler.NewDataset(
                .structured(Summaries.configuration(seed: seed, schedule: schedule, camera: camera)), "survey_config",
                [:])
        ]
        datasets += camera.detectors.map { detector in
            DirectButler.NewDataset(
                .structured(Summaries.notes(detector, nightly.filter { $0.detector.id == detector.id })),
                "detector_notes", dataID(detector))
        }
        datasets += PatchCoverage.all(footprints, of: division).map { coverage in
            DirectButler.NewDataset(
                .structured(coverage.summary), "patch_coverage",
                [
                    "skymap": .string(SkyDivision.name), "tract": .int(Int64(coverage.tract)),
                    "patch": .int(Int64(coverage.patch)), "band": .string(coverage.band),
                ])
        }
        return try await put(datasets, run: SurveyLayout.firstRun).count
    }

    // MARK: Data IDs

    private func put(_ datasets: [DirectButler.NewDataset], run: String) async throws -> [DatasetRef] {
        if datasets.isEmpty { return [] }
        return try await butler.put(datasets, run: run, ids: .dataIDAndRun)
    }

    private func dataID(_ detector: Detector) -> [String: DataIDValue] {
        ["instrument": .string(Camera.name), "detector": .int(Int64(detector.id))]
    }

    private func dataID(visit: Visit) -> [String: DataIDValue] {
        ["instrument": .string(Camera.name), "visit": .int(Int64(visit.id))]
    }

    private func dataID(exposure visit: Visit, _ detector: Detector) -> [String: DataIDValue] {
        dataID(detector).merging(["exposure": .int(Int64(visit.id))]) { own, _ in own }
    }
}
