/// How the brightness of the sky is modelled on a detector.
enum BackgroundModel: String, Sendable {
    /// One number.
    case constant
    /// A number and a slope along each axis.
    case plane

    /// The sky's brightness in each pixel, from those that are not too bright for sky.
    func fit(_ image: [Double], isBad: [Bool], pixels: Int) -> [Double] {
        let usable = image.indices.filter { !isBad[$0] }
        guard let level = RobustStatistics.clipped(usable.map { image[$0] }) else {
            return [Double](repeating: 0, count: image.count)
        }
        let constant = [Double](repeating: level.mean, count: image.count)
        guard self == .plane else { return constant }

        // Normal equations of a + b x + c y, coordinates from the middle and in units of half the side.
        let half = Double(pixels) / 2
        func coordinates(_ index: Int) -> (Double, Double, Double) {
            (1, (Double(index % pixels) + 0.5 - half) / half, (Double(index / pixels) + 0.5 - half) / half)
        }
        var matrix = [[Double]](repeating: [0, 0, 0, 0], count: 3)
        for index in usable where abs(image[index] - level.mean) <= 3 * level.deviation {
            let (a, b, c) = coordinates(index)
            for (row, factor) in [a, b, c].enumerated() {
                matrix[row][0] += factor * a
                matrix[row][1] += factor * b
                matrix[row][2] += factor * c
                matrix[row][3] += factor * image[index]
            }
        }
        guard let (a, b, c) = Self.solve(matrix) else { return constant }
        return image.indices.map { index in
            let (u, v, w) = coordinates(index)
            return a * u + b * v + c * w
        }
    }

    /// Solves three equations by Cramer's rule; `nil` when they have no single solution.
    private static func solve(_ m: [[Double]]) -> (Double, Double, Double)? {
        func determinant(_ i: Int, _ j: Int, _ k: Int) -> Double {
            m[0][i] * (m[1][j] * m[2][k] - m[1][k] * m[2][j]) - m[0][j] * (m[1][i] * m[2][k] - m[1][k] * m[2][i])
                + m[0][k] * (m[1][i] * m[2][j] - m[1][j] * m[2][i])
        }
        let whole = determinant(0, 1, 2)
        guard abs(whole) > 1e-9 else { return nil }
        return (determinant(3, 1, 2) / whole, determinant(0, 3, 2) / whole, determinant(0, 1, 3) / whole)
    }
}
