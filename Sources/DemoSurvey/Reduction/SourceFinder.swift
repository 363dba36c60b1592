import Foundation

/// A star as measured on an image.
struct Source: Sendable {
    /// Pixel coordinates, from 0 at the centre of the first pixel.
    let x: Double
    let y: Double
    /// Electrons within the aperture, and the standard deviation that the variances of its pixels give.
    let flux: Double
    let fluxError: Double
    /// Full width at half maximum, pixels; `nil` when the measurement did not settle.
    let width: Double?
    /// Whether a saturated or bad pixel lies within the aperture.
    let isFlagged: Bool
}

/// Finds peaks in an image without background and measures them.
struct SourceFinder {
    /// Smoothed pixels this many standard deviations above zero are detected.
    static let threshold = 5.0
    static let apertureRadius = 5.0
    private static let smoothing = 1.2
    private static let border = 3

    let pixels: Int
    let image: [Double]
    let variance: [Double]
    /// Pixels that cannot be used.
    let isBad: [Bool]

    struct Result: Sendable {
        /// Brightest first.
        let sources: [Source]
        /// Pixels above the threshold.
        let detected: [Int]
    }

    func find() -> Result {
        let smooth = smoothed()
        let usable = smooth.indices.filter { !isBad[$0] }.map { smooth[$0] }
        guard let level = RobustStatistics.clipped(usable) else { return Result(sources: [], detected: []) }
        let limit = level.mean + Self.threshold * level.deviation
        let detected = smooth.indices.filter { smooth[$0] > limit }
        let inside = Self.border..<pixels - Self.border
        let peaks = detected.filter { index in
            let (x, y) = (index % pixels, index / pixels)
            guard inside.contains(x), inside.contains(y), !isBad[index] else { return false }
            for j in -1...1 {
                for i in -1...1 where i != 0 || j != 0 {
                    let neighbour = smooth[index + j * pixels + i]
                    // Of two equal pixels the first is the peak.
                    if neighbour > smooth[index] || neighbour == smooth[index] && (j, i) < (0, 0) { return false }
                }
            }
            return true
        }
        let sources = peaks.map { measure(peak: $0) }.filter { $0.flux > 0 }
        return Result(
            sources: sources.sorted { ($1.flux, $0.y, $0.x) < ($0.flux, $1.y, $1.x) }, detected: detected)
    }

    /// The image convolved with a Gaussian of unit sum; pixels that cannot be used count as zero.
    private func smoothed() -> [Double] {
        let reach = 4
        let raw = (-reach...reach).map { exp(-Double($0 * $0) / (2 * Self.smoothing * Self.smoothing)) }
        let total = raw.reduce(0, +)
        let kernel = raw.map { $0 / total }
        func pass(_ source: [Double], stride: Int) -> [Double] {
            var result = [Double](repeating: 0, count: source.count)
            for index in source.indices {
                let place = stride == 1 ? index % pixels : index / pixels
                var sum = 0.0
                for k in max(-reach, -place)...min(reach, pixels - 1 - place) {
                    sum += kernel[k + reach] * source[index + k * stride]
                }
                result[index] = sum
            }
            return result
        }
        let clean = image.indices.map { isBad[$0] ? 0 : image[$0] }
        return pass(pass(clean, stride: 1), stride: pixels)
    }

    private func measure(peak: Int) -> Source {
        var (x, y) = (Double(peak % pixels), Double(peak / pixels))
        // Moments under a Gaussian weight of the star's own width: the weight halves the second moment, so twice the
        // weighted moment is the star's.
        var square = 1.5
        var settled = false
        for _ in 0..<30 {
            guard let moments = moments(x, y, square) else { break }
            let change = abs(moments.square - square)
            (x, y, square) = (x + moments.dx, y + moments.dy, moments.square)
            if change < 1e-3 * square, abs(moments.dx) < 1e-3, abs(moments.dy) < 1e-3 {
                settled = true
                break
            }
        }
        if !settled { (x, y) = (Double(peak % pixels), Double(peak / pixels)) }
        var (flux, noise, isFlagged) = (0.0, 0.0, false)
        for index in disc(x, y) {
            flux += image[index]
            noise += variance[index]
            if isBad[index] { isFlagged = true }
        }
        return Source(
            x: x, y: y, flux: flux, fluxError: noise.squareRoot(),
            width: settled ? 2.354_820_045 * square.squareRoot() : nil, isFlagged: isFlagged)
    }

    private func moments(_ x: Double, _ y: Double, _ square: Double) -> (dx: Double, dy: Double, square: Double)? {
        var (sum, sumX, sumY, sumSquares) = (0.0, 0.0, 0.0, 0.0)
        for index in disc(x, y) {
            let (dx, dy) = (Double(index % pixels) - x, Double(index / pixels) - y)
            let weighted = image[index] * exp(-(dx * dx + dy * dy) / (2 * square))
            sum += weighted
            sumX += weighted * dx
            sumY += weighted * dy
            sumSquares += weighted * (dx * dx + dy * dy)
        }
        guard sum > 0 else { return nil }
        // The weight also halves the distance of the centroid.
        let result = (dx: 2 * sumX / sum, dy: 2 * sumY / sum, square: sumSquares / sum)
        guard result.square > 0.1, result.square < 25, abs(result.dx) < 2, abs(result.dy) < 2 else { return nil }
        return result
    }

    private func disc(_ x: Double, _ y: Double) -> [Int] {
        let radius = Self.apertureRadius
        let rows = max(0, Int((y - radius).rounded(.up)))..<min(pixels, Int((y + radius).rounded(.down)) + 1)
        var indices: [Int] = []
        for j in rows {
            let dy = Double(j) - y
            let half = max(0, radius * radius - dy * dy).squareRoot()
            let columns = max(0, Int((x - half).rounded(.up)))..<min(pixels, Int((x + half).rounded(.down)) + 1)
            for i in columns { indices.append(j * pixels + i) }
        }
        return indices
    }
}
