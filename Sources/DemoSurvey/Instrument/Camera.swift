/// StewardCam: an invented wide-field lens camera with two rafts of four detectors.
///
/// Focal-plane positions are in pixels from the optical axis, x to the right, y up; detectors are not rotated.
struct Camera: Sendable {
    static let name = "StewardCam"
    /// Side of a pixel on the sky, at the optical axis.
    static let pixelScaleDegrees = 6.5 / 3600
    /// Electrons for one count of the converter.
    static let gain = 1.6
    /// Electrons at which a pixel is full.
    static let fullWell = 80_000.0
    /// Counts above the bias from which on a pixel is not to be trusted.
    static let saturation: UInt16 = 49_000

    static let filters = [
        Filter(
            name: "StewardCam-g", band: "g", zeroPoint: 20.2, extinction: 0.20, skyBrightness: 21.6, fringe: 0,
            vignetting: 0.16),
        Filter(
            name: "StewardCam-r", band: "r", zeroPoint: 20.0, extinction: 0.12, skyBrightness: 20.8, fringe: 0.001,
            vignetting: 0.18),
        Filter(
            name: "StewardCam-i", band: "i", zeroPoint: 19.5, extinction: 0.08, skyBrightness: 19.9, fringe: 0.006,
            vignetting: 0.20),
    ]

    /// Pixels along each side of a detector.
    let pixels: Int
    let detectors: [Detector]

    init(pixels: Int) {
        self.pixels = pixels
        let gap = max(2, pixels * 6 / 100)
        let raftGap = max(4, pixels * 14 / 100)
        let step = Double(pixels + gap)
        detectors = (0..<8).map { id in
            let (raft, place) = (id / 4, id % 4)
            let column = Double(raft * 2 + place % 2)
            // Half of the focal plane's width is two detectors, a gap between them, and half of the gap of the rafts.
            let left = column * step + (raft == 1 ? Double(raftGap - gap) : 0)
            let width = 4 * Double(pixels) + 2 * Double(gap) + Double(raftGap)
            let height = 2 * Double(pixels) + Double(gap)
            return Detector(
                id: id, raft: "R\(raft)", nameInRaft: "S\(place / 2)\(place % 2)", left: left - width / 2,
                bottom: Double(place / 2) * step - height / 2)
        }
    }

    /// Half of the diagonal of the focal plane, in pixels.
    var radius: Double {
        let corner = detectors.map { max(abs($0.left), abs($0.left + Double(pixels))) }.max() ?? 0
        let top = detectors.map { max(abs($0.bottom), abs($0.bottom + Double(pixels))) }.max() ?? 0
        return (corner * corner + top * top).squareRoot()
    }
}

/// One sensor.
struct Detector: Sendable {
    let id: Int
    let raft: String
    let nameInRaft: String
    /// Position of its lower left corner in the focal plane, pixels.
    let left: Double
    let bottom: Double

    var fullName: String { "\(raft)_\(nameInRaft)" }
}

struct Filter: Sendable {
    let name: String
    let band: String
    /// Magnitude of a star that gives one electron a second above the atmosphere.
    let zeroPoint: Double
    /// Magnitudes lost for each unit of airmass.
    let extinction: Double
    /// Magnitudes a square arcsecond.
    let skyBrightness: Double
    /// Amplitude of the interference pattern in the detectors, as a fraction.
    let fringe: Double
    /// Light lost in the corners of the focal plane, as a fraction.
    let vignetting: Double
}
