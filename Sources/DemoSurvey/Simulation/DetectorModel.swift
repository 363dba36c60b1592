import Foundation

/// What light and electronics do in one detector during one night.
///
/// Images are arrays of `pixels * pixels` numbers, row after row.
struct DetectorModel: Sendable {
    /// Electrons, standard deviation of one readout.
    static let readNoise = 6.0

    private let pixels: Int
    private let position: Detector
    private let focalRadius: Double
    /// Counts without light.
    private let bias: [Double]
    /// Sensitivity relative to a perfect pixel in the middle of the focal plane, before vignetting and fringes.
    private let sensitivity: [Double]

    init(_ detector: Detector, of camera: Camera, night: Night, seed: UInt64) {
        pixels = camera.pixels
        position = detector
        focalRadius = camera.radius
        bias = Self.biasPattern(detector.id, night.number, pixels, seed)
        sensitivity = Self.sensitivity(detector.id, night.number, pixels, seed)
    }

    // MARK: Patterns

    /// Two amplifiers with an offset each, columns with offsets, and a slope that changes from night to night.
    private static func biasPattern(_ detector: Int, _ night: Int, _ pixels: Int, _ seed: UInt64) -> [Double] {
        var fixed = RandomStream(seed: seed, .pixels, detector, 0)
        var nightly = RandomStream(seed: seed, .nightlyBias, detector, night)
        let amplifiers = [0, 1].map { _ in 1000 + 40 * fixed.normal() + 6 * nightly.normal() }
        let columns = (0..<pixels).map { _ in 1.5 * fixed.normal() }
        let (slope, curve) = (8 * nightly.normal(), 3 + 2 * nightly.normal())
        return (0..<pixels * pixels).map { index in
            let (x, y) = (index % pixels, Double(index / pixels) / Double(pixels))
            return amplifiers[2 * x / pixels] + columns[x] + slope * y + curve * exp(-8 * y)
        }
    }

    /// Every pixel its own, some dead ones, and shadows of dust that moves from night to night.
    private static func sensitivity(_ detector: Int, _ night: Int, _ pixels: Int, _ seed: UInt64) -> [Double] {
        var fixed = RandomStream(seed: seed, .pixels, detector, 1)
        let quantum = 1 + 0.02 * fixed.normal()
        var result = (0..<pixels * pixels).map { _ in quantum * (1 + 0.008 * fixed.normal()) }
        for _ in 0..<pixels / 20 { result[Int(fixed.next() % UInt64(pixels * pixels))] *= 0.1 }
        if fixed.uniform() < 0.5 {
            let column = Int(fixed.next() % UInt64(pixels))
            for y in pixels / 2..<pixels { result[y * pixels + column] *= 0.2 }
        }
        var dust = RandomStream(seed: seed, .dust, detector, night)
        for _ in 0..<2 {
            let (x, y) = (dust.uniform() * Double(pixels), dust.uniform() * Double(pixels))
            let (radius, depth) = (dust.uniform(3...7), dust.uniform(0.03...0.08))
            for index in result.indices {
                let (dx, dy) = (Double(index % pixels) - x, Double(index / pixels) - y)
                result[index] *= 1 - depth * exp(-(dx * dx + dy * dy) / (2 * radius * radius))
            }
        }
        return result
    }

    /// Sensitivity through a filter, with vignetting and fringes.
    func response(_ filter: Filter) -> [Double] {
        sensitivity.indices.map { index in
            let (x, y) = (Double(index % pixels) + position.left, Double(index / pixels) + position.bottom)
            let radius = (x * x + y * y).squareRoot() / focalRadius
            let fringe = filter.fringe * sin(0.35 * x + 0.22 * y + 1.5 * sin(0.05 * y))
            return sensitivity[index] * (1 - filter.vignetting * radius * radius) * (1 + fringe)
        }
    }

    // MARK: Reading out

    /// Counts for the light that falls in. The photons' noise is normal with the variance of Poisson's distribution,
    /// which is close for the tens of electrons and more that all exposures have.
    /// - Parameter electrons: expected electrons for each pixel; `nil` for none.
    func readOut(_ electrons: [Double]?, _ random: inout RandomStream) -> [UInt16] {
        let readVariance = Self.readNoise * Self.readNoise
        return bias.indices.map { index in
            let light = electrons?[index] ?? 0
            let charge = light + (light + readVariance).squareRoot() * random.normal()
            let counts = bias[index] + min(charge, Camera.fullWell) / Camera.gain
            return UInt16(min(max(counts.rounded(), 0), 65_535))
        }
    }

    func biasFrame(_ random: inout RandomStream) -> [UInt16] { readOut(nil, &random) }

    /// An exposure of an evenly lit screen.
    func flatFrame(electrons: Double, response: [Double], _ random: inout RandomStream) -> [UInt16] {
        readOut(response.map { $0 * electrons }, &random)
    }
}
