/// Statistics that a few outliers do not move.
enum RobustStatistics {
    /// The middle value; `nil` for none. Cost: O(n log n).
    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Mean and standard deviation of what lies within three standard deviations, after five rounds; the first round
    /// starts from the median and the scatter of the middle half. `nil` for no values.
    static func clipped(_ values: [Double]) -> (mean: Double, deviation: Double)? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        var mean = sorted[sorted.count / 2]
        // The quartiles of a normal distribution are 1.349 standard deviations apart.
        var deviation = (sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]) / 1.349
        for _ in 0..<5 {
            let kept = sorted.filter { abs($0 - mean) <= 3 * deviation }
            guard kept.count > 1 else { break }
            mean = kept.reduce(0, +) / Double(kept.count)
            deviation =
                (kept.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(kept.count - 1)).squareRoot()
        }
        return (mean, deviation)
    }
}
