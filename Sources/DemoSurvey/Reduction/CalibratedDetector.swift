import FITS

/// One detector of one visit, calibrated: what a `calexp` holds, and what was measured on it.
struct CalibratedDetector: Sendable {
    /// Electrons above the sky, rounded to whole ones.
    let image: [Float]
    /// Bits of ``maskPlanes``.
    let mask: [Int32]
    /// Electrons squared, rounded.
    let variance: [Float]
    /// Sky, mean over the detector, electrons.
    let background: Double
    /// Standard deviation of the pixels without stars, electrons.
    let noise: Double
    let saturatedPixels: Int
    let badPixels: Int
    let detectedPixels: Int
    let sources: [Source]

    static let maskPlanes = MaskedImage.defaultMaskPlanes
    /// Pixels less sensitive than this are bad.
    private static let leastSensitivity: Float = 0.5

    /// Takes off the bias, divides by the flat field, takes off the sky, and looks for stars.
    ///
    /// - Parameters:
    ///   - raw: counts.
    ///   - bias: counts.
    ///   - flat: relative sensitivity.
    init(raw: [UInt16], bias: [Float], flat: [Float], pixels: Int, background model: BackgroundModel) {
        let isSaturated = raw.map { $0 >= Camera.saturation }
        let isDead = flat.map { $0 < Self.leastSensitivity }
        let isBad = zip(isSaturated, isDead).map { $0 || $1 }
        let readVariance = DetectorModel.readNoise * DetectorModel.readNoise
        var electrons: [Double] = []
        var variances: [Double] = []
        for index in raw.indices {
            let sensitivity = Double(max(flat[index], 0.01))
            let charge = (Double(raw[index]) - Double(bias[index])) * Camera.gain
            electrons.append(charge / sensitivity)
            variances.append((max(charge, 0) + readVariance) / (sensitivity * sensitivity))
        }
        let sky = model.fit(electrons, isBad: isBad, pixels: pixels)
        for index in electrons.indices { electrons[index] = (electrons[index] - sky[index]).rounded() }
        variances = variances.map { $0.rounded() }

        let found = SourceFinder(pixels: pixels, image: electrons, variance: variances, isBad: isBad).find()
        func bit(_ plane: String) -> Int32 { Self.maskPlanes[plane].map { 1 << Int32($0) } ?? 0 }
        let (saturated, dead, detected, edge) = (bit("SAT"), bit("BAD"), bit("DETECTED"), bit("EDGE"))
        var flags = raw.indices.map { index -> Int32 in
            let (x, y) = (index % pixels, index / pixels)
            let isEdge = min(x, y) == 0 || max(x, y) == pixels - 1
            return (isSaturated[index] ? saturated : 0) | (isDead[index] ? dead : 0) | (isEdge ? edge : 0)
        }
        for index in found.detected { flags[index] |= detected }

        image = electrons.map { Float($0) }
        mask = flags
        variance = variances.map { Float($0) }
        background = sky.reduce(0, +) / Double(max(sky.count, 1))
        let quiet = flags.indices.filter { flags[$0] & (saturated | dead | detected) == 0 }.map { electrons[$0] }
        noise = RobustStatistics.clipped(quiet)?.deviation ?? 0
        saturatedPixels = isSaturated.count { $0 }
        badPixels = isDead.count { $0 }
        detectedPixels = found.detected.count
        sources = found.sources
    }

    /// Median width of the stars that are bright, unflagged and settled, in pixels; `nil` without such.
    var starWidth: Double? {
        RobustStatistics.median(
            sources.filter { !$0.isFlagged && $0.flux > 30 * $0.fluxError }.compactMap(\.width))
    }
}
