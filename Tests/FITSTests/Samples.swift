import FITS
import TestSupport
import Testing

extension SeededGenerator {
    /// Normally distributed enough: the sum of twelve uniform numbers.
    mutating func noise(_ sigma: Float) -> Float {
        (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &self) } * sigma
    }
}

enum Samples {
    static func integers<Value: FixedWidthInteger & Sendable>(_ count: Int) -> [Value] {
        var random = SeededGenerator(seed: 7)
        return [Value.min, Value.max, 0, 1] + (4..<count).map { _ in Value.random(in: .min ... .max, using: &random) }
    }

    static func sky(rows: Int, columns: Int, sigma: Float = 5, seed: UInt64 = 3) -> [Float] {
        var random = SeededGenerator(seed: seed)
        return (0..<(rows * columns)).map { 100 + Float($0 % columns) * 0.01 + random.noise(sigma) }
    }

    /// Every pixel type with its extreme values, as 12 rows of 40 columns.
    static let pixels: [FITSPixels] = [
        .int8(integers(480)), .uint8(integers(480)), .int16(integers(480)), .uint16(integers(480)),
        .int32(integers(480)), .uint32(integers(480)), .int64(integers(480)),
        .float([.infinity, -.infinity, .leastNonzeroMagnitude, -0.0] + sky(rows: 12, columns: 40).dropFirst(4)),
        .double(
            [.infinity, .leastNonzeroMagnitude, 1e300] + sky(rows: 12, columns: 40).dropFirst(3).map { Double($0) / 3 }),
    ]

    static func file(_ image: FITSImage, compression: FITSCompression? = nil) -> FITSFile {
        FITSFile(hdus: [
            .image(FITSImageHDU()),
            .image(
                FITSImageHDU(
                    header: FITSHeader([FITSCard("EXTNAME", .string("DATA"))]), image: image, compression: compression)),
        ])
    }

    static func maskedImage(rows: Int = 60, columns: Int = 80) throws -> MaskedImage {
        var image = sky(rows: rows, columns: columns)
        image[5] = .nan
        var random = SeededGenerator(seed: 11)
        let mask = (0..<(rows * columns)).map { _ in
            UInt8.random(in: 0..<10, using: &random) == 0 ? Int32.random(in: 0..<512, using: &random) : 0
        }
        return try MaskedImage(
            rows: rows, columns: columns, image: image, mask: mask,
            variance: sky(rows: rows, columns: columns, sigma: 1, seed: 5),
            maskPlanes: MaskedImage.defaultMaskPlanes.merging(["CROSSTALK": 31]) { $1 },
            origin: PixelOrigin(x: 1000, y: -20),
            metadata: FITSHeader([FITSCard("OBSID", .string("obs 1"), comment: "observation")]),
            planeHeader: FITSHeader([
                FITSCard("CTYPE1", .string("RA---TAN")), FITSCard("CRVAL1", .float(150.123_456_789_012_34)),
            ]))
    }
}
