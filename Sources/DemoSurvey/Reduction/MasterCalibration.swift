/// A bias or a flat field, measured from frames.
struct MasterCalibration: Sendable {
    /// Counts for a bias; relative sensitivity for a flat.
    private(set) var image: [Float]
    /// Mean of the frames over all pixels, in counts; without the bias for flats.
    let level: Double
    let frameCount: Int
    /// Standard deviation of one frame around the mean of all, in counts, averaged over the pixels.
    let frameScatter: Double

    /// The mean of bias frames.
    init(biases frames: [[UInt16]]) {
        let count = Double(frames.count)
        let mean = Self.mean(frames.map { $0.map { Double($0) } })
        var squares = 0.0
        for frame in frames {
            for (value, centre) in zip(frame, mean) { squares += (Double(value) - centre) * (Double(value) - centre) }
        }
        image = mean.map { Float($0) }
        level = mean.reduce(0, +) / Double(max(mean.count, 1))
        frameCount = frames.count
        frameScatter = (squares / Double(mean.count) / max(count - 1, 1)).squareRoot()
    }

    /// The mean of flat exposures without their bias, each divided by its own level first; the mean over the detector
    /// is 1.
    init(flats frames: [[UInt16]], bias: MasterCalibration) {
        var levels: [Double] = []
        let scaled = frames.map { frame -> [Double] in
            let light = zip(frame, bias.image).map { Double($0) - Double($1) }
            let level = light.reduce(0, +) / Double(light.count)
            levels.append(level)
            return light.map { $0 / level }
        }
        let mean = Self.mean(scaled)
        let total = mean.reduce(0, +) / Double(mean.count)
        var squares = 0.0
        for (frame, level) in zip(scaled, levels) {
            for (value, centre) in zip(frame, mean) {
                squares += (value - centre) * (value - centre) * level * level
            }
        }
        image = mean.map { Float($0 / total) }
        level = levels.reduce(0, +) / Double(levels.count)
        frameCount = frames.count
        frameScatter = (squares / Double(mean.count) / max(Double(frames.count) - 1, 1)).squareRoot()
    }

    /// The same flat relative to another level.
    func scaled(by factor: Double) -> MasterCalibration {
        var result = self
        result.image = image.map { Float(Double($0) * factor) }
        return result
    }

    private static func mean(_ frames: [[Double]]) -> [Double] {
        guard var sum = frames.first else { return [] }
        for frame in frames.dropFirst() { for index in sum.indices { sum[index] += frame[index] } }
        return sum.map { $0 / Double(frames.count) }
    }
}
