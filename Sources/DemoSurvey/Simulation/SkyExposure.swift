import Foundation

/// Exposures of the sky.
struct SkyExposure: Sendable {
    let camera: Camera
    let catalogue: StarCatalogue
    let seed: UInt64

    /// The counts that a detector records during a visit.
    /// - Parameter response: of the detector through the visit's filter.
    func counts(_ visit: Visit, _ detector: Detector, _ model: DetectorModel, response: [Double]) -> [UInt16] {
        let filter = visit.filter
        let throughput =
            Visit.exposureTime * visit.transparency
            * pow(10, 0.4 * (filter.zeroPoint - filter.extinction * visit.pointing.airmass))
        let pixelArea = pow(Camera.pixelScaleDegrees * 3600, 2)
        let skyMagnitude = filter.skyBrightness + visit.skyExcess - 2.5 * log10(pixelArea)
        // Dark current: a twentieth of an electron a second.
        let background = throughput * pow(10, -0.4 * skyMagnitude) + 0.05 * Visit.darkTime
        var light = [Double](repeating: background, count: camera.pixels * camera.pixels)

        let projection = visit.projection(detector, of: camera)
        let sigma = visit.seeing / 3600 / Camera.pixelScaleDegrees / 2.354_820_045
        let margin = 8 * sigma
        let inside = -margin...Double(camera.pixels) + margin
        for star in catalogue.stars {
            guard let (x, y) = projection.pixel(of: star.direction), inside.contains(x), inside.contains(y) else {
                continue
            }
            add(throughput * pow(10, -0.4 * star.magnitudes[visit.filterIndex]), x, y, sigma, to: &light)
        }
        for index in light.indices { light[index] *= response[index] }
        var random = RandomStream(seed: seed, .exposure, visit.id, detector.id)
        return model.readOut(light, &random)
    }

    /// Adds a round Gaussian image of a star, integrated over each pixel.
    private func add(_ flux: Double, _ x: Double, _ y: Double, _ sigma: Double, to light: inout [Double]) {
        let reach = flux > 1e5 ? 8 * sigma : 6 * sigma
        func shares(_ centre: Double) -> (first: Int, shares: [Double]) {
            let first = max(0, Int((centre - reach).rounded()))
            let last = min(camera.pixels - 1, Int((centre + reach).rounded()))
            guard first <= last else { return (0, []) }
            let edges = (first...last + 1).map { erf((Double($0) - 0.5 - centre) / (sigma * 2.0.squareRoot())) / 2 }
            return (first, zip(edges, edges.dropFirst()).map { $1 - $0 })
        }
        let (firstColumn, columns) = shares(x)
        let (firstRow, rows) = shares(y)
        for (j, row) in rows.enumerated() {
            let start = (firstRow + j) * camera.pixels + firstColumn
            for (i, column) in columns.enumerated() { light[start + i] += flux * row * column }
        }
    }
}
