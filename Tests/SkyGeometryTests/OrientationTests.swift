import TestSupport
import Testing

@testable import SkyGeometry

@Test func orientationChangesSignWithEverySwap() {
    var generator = SeededGenerator(seed: 4)
    for i in 0..<2_000 {
        let a = generator.direction()
        let b = generator.direction()
        // Nearly on the great circle through a and b, so that doubles cannot tell.
        let mixed = a.vector * Double.random(in: -1...1, using: &generator) + b.vector
        let c = i % 2 == 0 ? UnitVector(normalizing: mixed) : generator.direction()
        let sign = orientation(a, b, c)
        #expect(orientation(b, c, a) == sign)
        #expect(orientation(c, a, b) == sign)
        #expect(orientation(b, a, c) == -sign)
        #expect(orientation(a, b, -c) == -sign)
    }
}

@Test func exactSignIsThatOfIntegerArithmetic() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<2_000 {
        // Small integers, whose determinant a double holds exactly.
        let m = (0..<9).map { _ in Int.random(in: -3...3, using: &generator) }
        let determinant =
            m[0] * (m[4] * m[8] - m[5] * m[7]) + m[1] * (m[5] * m[6] - m[3] * m[8]) + m[2] * (m[3] * m[7] - m[4] * m[6])
        // Scaled by powers of two far apart, which must not matter.
        let scales = (0..<3).map { _ in
            Double(sign: .plus, exponent: .random(in: -300...300, using: &generator), significand: 1)
        }
        let rows = (0..<3).map { r in
            Vector3(Double(m[3 * r]) * scales[r], Double(m[3 * r + 1]) * scales[r], Double(m[3 * r + 2]) * scales[r])
        }
        #expect(exactDeterminantSign(rows[0], rows[1], rows[2]) == determinant.signum())
    }
}

@Test func exactSignSeesTheLastBit() {
    let a = Vector3(1, 1, 1)
    let b = Vector3(1, 1.0.nextUp, 1)
    #expect(exactDeterminantSign(a, b, Vector3(0, 0, 1)) == 1)
    #expect(exactDeterminantSign(a, b, Vector3(0, 0, -Double.leastNonzeroMagnitude)) == -1)
    #expect(exactDeterminantSign(a, a, b) == 0)
    #expect(exactDeterminantSign(a, b, a * 0.5) == 0)
}
