/// The calibrations of one detector, measured from frames that were taken before a night.
struct NightlyCalibration: Sendable {
    let night: Night
    let detector: Detector
    let bias: MasterCalibration
    /// One for each of ``Camera/filters``.
    private(set) var flats: [MasterCalibration]

    /// Takes frames and averages them.
    init(_ night: Night, _ detector: Detector, camera: Camera, scale: SurveyScale, seed: UInt64) {
        let model = DetectorModel(detector, of: camera, night: night, seed: seed)
        let bias = MasterCalibration(
            biases: (0..<scale.biasFrames).map { frame in
                var random = RandomStream(seed: seed, .bias, night.number, detector.id, frame)
                return model.biasFrame(&random)
            })
        self.night = night
        self.detector = detector
        self.bias = bias
        flats = Camera.filters.enumerated().map { index, filter in
            let response = model.response(filter)
            let frames = (0..<scale.flatFrames).map { frame in
                // The lamp is the same for all detectors.
                var lamp = RandomStream(seed: seed, .lamp, night.number, index, frame)
                var random = RandomStream(seed: seed, .flat, night.number, detector.id, index, frame)
                return model.flatFrame(electrons: 20_000 * (1 + 0.02 * lamp.normal()), response: response, &random)
            }
            return MasterCalibration(flats: frames, bias: bias)
        }
    }

    /// The calibrations of all detectors of a night with flats relative to the mean of the whole focal plane.
    static func levelled(_ detectors: [NightlyCalibration]) -> [NightlyCalibration] {
        detectors.map { calibration in
            var result = calibration
            result.flats = calibration.flats.enumerated().map { index, flat in
                let mean = detectors.reduce(0) { $0 + $1.flats[index].level } / Double(detectors.count)
                return flat.scaled(by: flat.level / mean)
            }
            return result
        }
    }
}
