import Foundation

/// All points whose distances to two foci add up to no more than 2α, with semi-axes α and β.
///
/// Kept as upstream keeps it: a rotation into the frame of the axes (rows: major axis, minor axis, centre),
/// a = α − π/2, b = β − π/2, half the distance γ between the foci, |tan a| and |tan b|. Angles in radians.
public struct Ellipse: Sendable {
    /// Rows of the matrix that turns the sphere into the frame of the ellipse.
    let rows: (Vector3, Vector3, Vector3)
    let a: Double
    let b: Double
    let gamma: Double
    let tanA: Double
    let tanB: Double

    public static let empty = Ellipse(
        rows: (UnitVector.X.vector, UnitVector.Y.vector, UnitVector.Z.vector), a: -2.0, b: -2.0, gamma: 0.0,
        tanA: .infinity, tanB: .infinity)

    public static let full = Ellipse(
        rows: (-UnitVector.X.vector, UnitVector.Y.vector, -UnitVector.Z.vector), a: 2.0, b: 2.0, gamma: 0.0,
        tanA: .infinity, tanB: .infinity)

    init(rows: (Vector3, Vector3, Vector3), a: Double, b: Double, gamma: Double, tanA: Double, tanB: Double) {
        self.rows = rows
        self.a = a
        self.b = b
        self.gamma = gamma
        self.tanA = tanA
        self.tanB = tanB
    }

    /// The ellipse with two foci and semi-major axis `alpha`.
    ///
    /// - Throws: `SkyGeometryError.invalidEllipse` if `alpha` is NaN.
    public init(focus f1: UnitVector, focus f2: UnitVector, alpha: Angle) throws(SkyGeometryError) {
        guard !alpha.radians.isNaN else { throw .invalidEllipse("its semi-axis is not a number") }
        let a = alpha.radians - 0.5 * pi
        let gamma: Double
        if f1 == f2 {
            gamma = 0.0
        } else if f1 == -f2 {
            gamma = 0.5 * pi
        } else {
            gamma = 0.5 * NormalizedAngle(between: f1.vector, and: f2.vector).radians
        }
        if 0.5 * pi + a < gamma {
            self = .empty
        } else if 0.5 * pi - a <= gamma {
            self = .full
        } else if gamma == 0.0 {
            self.init(circleAround: f1, a: a)
        } else {
            let b0 = f1.vector - f2.vector
            let b2 = f1.vector + f2.vector
            let b1 = b0.cross(b2)
            let r = smaller(1.0, larger(-1.0, cos(alpha.radians) / cos(gamma)))
            var b = acos(r) - 0.5 * pi
            // Rounding must not make the minor axis the longer one.
            if (a <= 0.0 && b > a) || (a > 0.0 && b < a) { b = a }
            self.init(
                rows: (b0.normalized, b1.normalized, b2.normalized), a: a, b: b, gamma: gamma,
                tanA: abs(tan(a)), tanB: abs(tan(b)))
        }
    }

    /// The ellipse with a centre, two semi-axes and the position angle of the first, east of north.
    ///
    /// - Throws: `SkyGeometryError.invalidEllipse` if an angle is NaN, the orientation is infinite, or one axis is
    ///   shorter and the other longer than π/2.
    public init(center: UnitVector, alpha: Angle, beta: Angle, orientation: Angle) throws(SkyGeometryError) {
        guard orientation.radians.isFinite else { throw .invalidEllipse("its orientation is not finite") }
        var alpha = alpha.radians
        var beta = beta.radians
        var orientation = orientation.radians
        guard !alpha.isNaN, !beta.isNaN else { throw .invalidEllipse("a semi-axis is not a number") }
        let sameSide =
            alpha < 0.5 * pi ? beta < 0.5 * pi : alpha > 0.5 * pi ? beta > 0.5 * pi : beta == 0.5 * pi
        guard sameSide else { throw .invalidEllipse("one semi-axis is below 90° and the other is not") }
        if alpha < 0.0 || beta < 0.0 {
            self = .empty
            return
        }
        if alpha > pi || beta > pi || (alpha == pi && beta == pi) {
            self = .full
            return
        }
        if alpha == beta {
            self.init(circleAround: center, a: alpha - 0.5 * pi)
            return
        }
        if (alpha < 0.5 * pi && alpha < beta) || (alpha > 0.5 * pi && alpha > beta) {
            swap(&alpha, &beta)
            orientation += 0.5 * pi
        }
        let b0 = UnitVector.north(from: center).rotated(around: center, by: -orientation)
        let b1 = b0.vector.cross(center.vector).normalized
        let a = alpha - 0.5 * pi
        let b = beta - 0.5 * pi
        let d = smaller(1.0, larger(-1.0, cos(alpha) / cos(beta)))
        self.init(
            rows: (b0.vector, b1, center.vector), a: a, b: b, gamma: acos(d), tanA: abs(tan(a)), tanB: abs(tan(b)))
    }

    private init(circleAround center: UnitVector, a: Double) {
        let b0 = UnitVector.orthogonal(to: center)
        let b1 = center.vector.cross(b0.vector).normalized
        let tanA = abs(tan(a))
        self.init(rows: (b0.vector, b1, center.vector), a: a, b: a, gamma: 0.0, tanA: tanA, tanB: tanA)
    }

    public var center: UnitVector { UnitVector(unchecked: rows.2) }
    public var alpha: Angle { Angle(radians: 0.5 * pi + a) }
    public var beta: Angle { Angle(radians: 0.5 * pi + b) }
    public var isEmpty: Bool { 0.5 * pi + a < gamma }
    public var isFull: Bool { 0.5 * pi - a <= gamma }

    public func contains(_ v: UnitVector) -> Bool {
        // The border is an elliptical cone around the centre. Near the axis, the difference to the centre is
        // turned rather than the vector, to keep precision for small ellipses.
        let c = rows.2
        let cosine = v.vector.dot(c)
        let u: Vector3
        let shift: Double
        if cosine > 0.5 {
            u = v.vector - c
            shift = 1.0
        } else if cosine < -0.5 {
            u = v.vector + c
            shift = -1.0
        } else {
            u = v.vector
            shift = 0.0
        }
        let x = u.dot(rows.0) * tanA
        let y = u.dot(rows.1) * tanB
        let z = u.dot(rows.2) + shift
        let d = (x * x + y * y) - z * z
        return a > 0.0 ? (z >= 0.0 || d >= 0.0) : (z >= 0.0 && d <= 0.0)
    }
}

extension Ellipse: Hashable {
    /// As upstream: the frame and both axes decide.
    public static func == (x: Ellipse, y: Ellipse) -> Bool {
        x.rows == y.rows && x.a == y.a && x.b == y.b
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(rows.0)
        hasher.combine(rows.1)
        hasher.combine(rows.2)
        hasher.combine(a)
        hasher.combine(b)
    }
}
