import FITS

/// Writes or reads one image several times. `fits_alone.c` does the same with cfitsio and nothing else.
struct FITSTiming {
    private let isWriting: Bool
    private let path: String
    private let rows: Int
    private let columns: Int
    private let count: Int
    private let compression: FITSCompression?

    init(_ arguments: [String]) throws {
        guard let rows = Int(arguments[2]), let columns = Int(arguments[3]), let count = Int(arguments[4]) else {
            throw WritingBench.Usage()
        }
        isWriting = arguments[0] == "write"
        path = arguments[1]
        (self.rows, self.columns, self.count) = (rows, columns, count)
        compression =
            switch arguments[5] {
            case "gzip2": .lossless
            case "rice1": FITSCompression(.rice1, quantization: .init(scaling: .tileNoise(level: 16), seed: 1))
            default: nil
            }
    }

    /// The median of the seconds that each time takes.
    func run() throws -> Double {
        let image = try FITSImage(shape: [rows, columns], pixels: .float(pixels()))
        let empty = FITSHDU.image(FITSImageHDU())
        let file = FITSFile(hdus: [empty, .image(FITSImageHDU(image: image, compression: compression))])
        var seconds: [Double] = []
        for _ in 0..<count {
            let start = ContinuousClock.now
            if isWriting {
                try file.write(to: path, overwriting: true)
            } else {
                guard try FITSFile(contentsOf: path).hdus.count == 2 else { throw WritingBench.Usage() }
            }
            seconds.append((ContinuousClock.now - start) / .seconds(1))
        }
        return seconds.sorted()[count / 2]
    }

    /// A sky with noise, the same on both sides.
    private func pixels() -> [Float] {
        var state: UInt32 = 1
        return (0..<(rows * columns)).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return 1000 + Float(state >> 24) * 0.25 + Float(state >> 8 & 0xFF) * 0.125
        }
    }
}
