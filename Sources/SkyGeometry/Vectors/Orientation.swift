/// The sign of a · (b × c): positive if the three directions turn counter-clockwise seen from outside of the sphere.
///
/// Exact: the double result is used where its error bound allows, then integer arithmetic.
@inline(__always)
func orientation(_ a: UnitVector, _ b: UnitVector, _ c: UnitVector) -> Int {
    let bycz = b.y * c.z
    let bzcy = b.z * c.y
    let bzcx = b.z * c.x
    let bxcz = b.x * c.z
    let bxcy = b.x * c.y
    let bycx = b.y * c.x
    let determinant = a.x * (bycz - bzcy) + a.y * (bzcx - bxcz) + a.z * (bxcy - bycx)
    // Bound on the error for any three unit vectors.
    if determinant > 1.7e-15 { return 1 }
    if determinant < -1.7e-15 { return -1 }
    let permanent =
        abs(a.x) * (abs(bycz) + abs(bzcy)) + abs(a.y) * (abs(bzcx) + abs(bxcz))
        + abs(a.z) * (abs(bxcy) + abs(bycx))
    return orientation(a, b, c, determinant: determinant, permanent: permanent)
}

@inline(never)
private func orientation(
    _ a: UnitVector, _ b: UnitVector, _ c: UnitVector, determinant: Double, permanent: Double
) -> Int {
    // Bound on the error for these three vectors; the constant covers underflow.
    let bound = 5.6e-16 * permanent + 4.0e-307
    if determinant > bound { return 1 }
    if determinant < -bound { return -1 }
    if a == b || b == c || a == c || a == -b || b == -c || a == -c { return 0 }
    return exactDeterminantSign(a.vector, b.vector, c.vector)
}

/// `orientation` with the x axis as its first argument.
func orientationX(_ b: UnitVector, _ c: UnitVector) -> Int {
    signOfDifference(b.y * c.z, b.z * c.y) ?? exactDeterminantSign(UnitVector.X.vector, b.vector, c.vector)
}

/// `orientation` with the y axis as its first argument.
func orientationY(_ b: UnitVector, _ c: UnitVector) -> Int {
    signOfDifference(b.z * c.x, b.x * c.z) ?? exactDeterminantSign(UnitVector.Y.vector, b.vector, c.vector)
}

/// `orientation` with the z axis as its first argument.
func orientationZ(_ b: UnitVector, _ c: UnitVector) -> Int {
    signOfDifference(b.x * c.y, b.y * c.x) ?? exactDeterminantSign(UnitVector.Z.vector, b.vector, c.vector)
}

/// The sign of `ab` - `ba`, two rounded products, if rounding cannot have changed it.
private func signOfDifference(_ ab: Double, _ ba: Double) -> Int? {
    let determinant = ab - ba
    if determinant > 1.12e-16 { return 1 }
    if determinant < -1.12e-16 { return -1 }
    let bound = 1.12e-16 * (abs(ab) + abs(ba)) + 1.0e-307
    if determinant > bound { return 1 }
    if determinant < -bound { return -1 }
    return nil
}
