import Foundation

/// Reproducible random numbers, a stream of its own for each purpose, so that the order in which things are simulated
/// does not matter.
///
/// The generator is SplitMix64 (Steele, Lea, Flood, 2014).
struct RandomStream: Sendable {
    /// What the numbers are for.
    enum Purpose: UInt64, Sendable {
        case stars = 1, weather, pixels, nightlyBias, dust, bias, lamp, flat, exposure
    }

    private var state: UInt64
    private var spare: Double?

    /// - Parameter keys: tell apart the streams of one purpose: numbers of visit, detector, night and so on.
    init(seed: UInt64, _ purpose: Purpose, _ keys: Int...) {
        state = seed
        for key in [Int(purpose.rawValue)] + keys {
            state ^= UInt64(bitPattern: Int64(key)) &* 0xD6E8_FEB8_6659_FD93
            state = next()
        }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Within (0, 1].
    mutating func uniform() -> Double { Double((next() >> 11) + 1) * 0x1p-53 }

    mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// Normally distributed with mean 0 and standard deviation 1 (Box and Muller, 1958).
    mutating func normal() -> Double {
        if let spare {
            self.spare = nil
            return spare
        }
        let radius = (-2 * log(uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        spare = radius * sin(angle)
        return radius * cos(angle)
    }
}
