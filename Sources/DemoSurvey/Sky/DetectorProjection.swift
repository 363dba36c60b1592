import FITS
import Foundation
import SkyGeometry

/// Where the pixels of one detector are on the sky during one visit.
///
/// Pixel coordinates count from 0 at the centre of the first pixel, x along a row.
struct DetectorProjection: Sendable {
    private let tangent: TangentPlane
    /// Pixel coordinates of the boresight.
    private let origin: (x: Double, y: Double)
    /// Cosine and sine, times the pixel scale in degrees, of the angle of the rows' normal, from north through east.
    private let along: Double
    private let across: Double
    private let pixels: Int

    /// - Parameter skyAngle: position angle of the focal plane's y axis, degrees from north through east.
    init(_ detector: Detector, of camera: Camera, boresight: TangentPlane, skyAngle: Double) {
        tangent = boresight
        origin = (-detector.left - 0.5, -detector.bottom - 0.5)
        along = Camera.pixelScaleDegrees * cos(skyAngle * .pi / 180)
        across = Camera.pixelScaleDegrees * sin(skyAngle * .pi / 180)
        pixels = camera.pixels
    }

    func direction(x: Double, y: Double) throws -> UnitVector {
        let (dx, dy) = (x - origin.x, y - origin.y)
        return try tangent.direction(xi: -along * dx + across * dy, eta: across * dx + along * dy)
    }

    func pixel(of direction: UnitVector) -> (x: Double, y: Double)? {
        guard let (xi, eta) = tangent.point(of: direction) else { return nil }
        let scale = along * along + across * across
        return (origin.x + (-along * xi + across * eta) / scale, origin.y + (across * xi + along * eta) / scale)
    }

    /// The outline of the detector, outer edges of the outer pixels.
    func region() throws -> ConvexPolygon {
        let (first, last) = (-0.5, Double(pixels) - 0.5)
        return try ConvexPolygon(hullOf: [
            try direction(x: first, y: first), try direction(x: last, y: first), try direction(x: last, y: last),
            try direction(x: first, y: last),
        ])
    }

    /// The world coordinate system as FITS keywords.
    var cards: [FITSCard] {
        [
            FITSCard("RADESYS", .string("ICRS")),
            FITSCard("CTYPE1", .string("RA---TAN")),
            FITSCard("CTYPE2", .string("DEC--TAN")),
            FITSCard("CUNIT1", .string("deg")),
            FITSCard("CUNIT2", .string("deg")),
            FITSCard("CRVAL1", .float(tangent.rightAscension), comment: "[deg] Boresight right ascension"),
            FITSCard("CRVAL2", .float(tangent.declination), comment: "[deg] Boresight declination"),
            FITSCard("CRPIX1", .float(origin.x + 1)),
            FITSCard("CRPIX2", .float(origin.y + 1)),
            FITSCard("CD1_1", .float(-along)),
            FITSCard("CD1_2", .float(across)),
            FITSCard("CD2_1", .float(across)),
            FITSCard("CD2_2", .float(along)),
        ]
    }
}
