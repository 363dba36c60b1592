// Orders of the cells of a square grid of 2^level by 2^level that keep near cells near.

/// The bits of s and t interleaved, those of t on the odd places.
func mortonIndex(s: UInt32, t: UInt32) -> UInt64 { spreadBits(s) | (spreadBits(t) << 1) }

func mortonCell(_ index: UInt64) -> (s: UInt32, t: UInt32) { (gatherBits(index), gatherBits(index >> 1)) }

/// Moves bit i to bit 2i.
func spreadBits(_ value: UInt32) -> UInt64 {
    var x = UInt64(value)
    x = (x | (x << 16)) & 0x0000_ffff_0000_ffff
    x = (x | (x << 8)) & 0x00ff_00ff_00ff_00ff
    x = (x | (x << 4)) & 0x0f0f_0f0f_0f0f_0f0f
    x = (x | (x << 2)) & 0x3333_3333_3333_3333
    return (x | (x << 1)) & 0x5555_5555_5555_5555
}

/// Moves bit 2i to bit i and drops the odd bits.
func gatherBits(_ value: UInt64) -> UInt32 {
    var x = value & 0x5555_5555_5555_5555
    x = (x | (x >> 1)) & 0x3333_3333_3333_3333
    x = (x | (x >> 2)) & 0x0f0f_0f0f_0f0f_0f0f
    x = (x | (x >> 4)) & 0x00ff_00ff_00ff_00ff
    x = (x | (x >> 8)) & 0x0000_ffff_0000_ffff
    return UInt32(truncatingIfNeeded: x | (x >> 16))
}

/// For each of the four orientations of the Hilbert curve: the position of each quadrant on the curve, and the
/// orientation of the curve within it.
private let hilbertSteps: [[(position: UInt64, orientation: Int)]] = [
    [(0, 1), (3, 3), (1, 0), (2, 0)],
    [(0, 0), (1, 1), (3, 2), (2, 1)],
    [(2, 2), (1, 2), (3, 1), (0, 3)],
    [(2, 3), (3, 0), (1, 3), (0, 2)],
]

/// The inverse: the quadrant at each position, and the orientation of the curve within it.
private let hilbertQuadrants: [[(quadrant: UInt64, orientation: Int)]] = hilbertSteps.map { steps in
    (0..<4).map { position in
        let quadrant = steps.firstIndex { $0.position == UInt64(position) } ?? 0
        return (UInt64(quadrant), steps[quadrant].orientation)
    }
}

func hilbertIndex(s: UInt32, t: UInt32, level: Int) -> UInt64 {
    let morton = mortonIndex(s: s, t: t)
    var result: UInt64 = 0
    var orientation = 0
    for shift in stride(from: 2 * level - 2, through: 0, by: -2) {
        let step = hilbertSteps[orientation][Int((morton >> UInt64(shift)) & 3)]
        result = (result << 2) | step.position
        orientation = step.orientation
    }
    return result
}

/// Bits of `index` beyond two per level are not looked at.
func hilbertCell(_ index: UInt64, level: Int) -> (s: UInt32, t: UInt32) {
    var morton: UInt64 = 0
    var orientation = 0
    for shift in stride(from: 2 * level - 2, through: 0, by: -2) {
        let step = hilbertQuadrants[orientation][Int((index >> UInt64(shift)) & 3)]
        morton = (morton << 2) | step.quadrant
        orientation = step.orientation
    }
    return mortonCell(morton)
}
