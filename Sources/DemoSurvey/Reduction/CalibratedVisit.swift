/// All detectors of a visit, calibrated together.
struct CalibratedVisit: Sendable {
    let visit: Visit
    let detectors: [(Detector, CalibratedDetector)]
    let photometry: PhotometricCalibration?
    let background: BackgroundModel
    /// Median width of the stars' images at half maximum, arcseconds; `nil` when no detector had a bright star.
    let seeing: Double?

    /// The calibrations of one detector for one visit.
    struct Calibrations: Sendable {
        let bias: [Float]
        let flat: [Float]
    }

    /// - Parameters:
    ///   - raws: counts, by detector number.
    ///   - calibrations: by detector number; detectors without are left out.
    init(
        _ visit: Visit, raws: [[UInt16]], calibrations: [Int: Calibrations], camera: Camera, catalogue: StarCatalogue,
        background: BackgroundModel
    ) {
        let calibrated = camera.detectors.compactMap { detector in
            calibrations[detector.id].map { calibrations in
                (
                    detector,
                    CalibratedDetector(
                        raw: raws[detector.id], bias: calibrations.bias, flat: calibrations.flat,
                        pixels: camera.pixels, background: background)
                )
            }
        }
        self.visit = visit
        self.background = background
        detectors = calibrated
        photometry = PhotometricCalibration(calibrated, visit: visit, camera: camera, catalogue: catalogue)
        seeing = RobustStatistics.median(calibrated.compactMap { $1.starWidth })
            .map { $0 * Camera.pixelScaleDegrees * 3600 }
    }

    var sourceCount: Int { detectors.reduce(0) { $0 + $1.1.sources.count } }
}
