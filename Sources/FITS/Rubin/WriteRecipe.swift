/// How the planes of a masked image are compressed: the `write_recipes` of Rubin's FITS formatters.
public struct WriteRecipe: Sendable, Hashable {
    /// How floating-point pixels of a plane become integers.
    public struct Quantization: Sendable, Hashable {
        public enum Scaling: Sendable, Hashable {
            /// `STDEV_CFITSIO`: the noise of every tile, divided by the level.
            case tileNoise
            /// `STDEV_MASKED`: the noise of the whole plane without the pixels of these mask planes, divided by the level.
            case maskedNoise(maskPlanes: [String])
            /// `MANUAL`: the level is the step.
            case manual
        }

        public var scaling: Scaling
        public var level: Float
        public var dither: FITSCompression.Dither
        public var seed: Int

        public init(
            scaling: Scaling, level: Float, dither: FITSCompression.Dither = .subtractive2, seed: Int = 1
        ) {
            self.scaling = scaling
            self.level = level
            self.dither = dither
            self.seed = seed
        }
    }

    public struct Plane: Sendable, Hashable {
        public var algorithm: FITSCompression.Algorithm
        public var quantization: Quantization?
        public var tileShape: [Int]?

        public init(
            _ algorithm: FITSCompression.Algorithm, quantization: Quantization? = nil, tileShape: [Int]? = nil
        ) {
            self.algorithm = algorithm
            self.quantization = quantization
            self.tileShape = tileShape
        }
    }

    /// `nil` stores the plane uncompressed.
    public var image: Plane?
    public var mask: Plane?
    public var variance: Plane?

    public init(image: Plane?, mask: Plane?, variance: Plane?) {
        self.image = image
        self.mask = mask
        self.variance = variance
    }

    public static let noCompression = WriteRecipe(image: nil, mask: nil, variance: nil)

    public static let lossless = WriteRecipe(image: Plane(.gzip2), mask: Plane(.gzip2), variance: Plane(.gzip2))

    /// Image and variance in steps of a sixteenth of their noise, the mask exact.
    public static let lossy16: WriteRecipe = {
        let noise = Quantization(scaling: .maskedNoise(maskPlanes: ["NO_DATA", "INTRP"]), level: 16)
        let plane = Plane(.rice1, quantization: noise)
        return WriteRecipe(image: plane, mask: Plane(.gzip2), variance: plane)
    }()

    /// A recipe by the name it has in the datastore configuration; `nil` for an unknown name.
    public static func named(_ name: String) -> WriteRecipe? {
        switch name {
        case "noCompression": noCompression
        case "lossless", "default": lossless
        case "lossy16": lossy16
        default: nil
        }
    }
}

extension WriteRecipe.Plane {
    /// The compression of a plane with these pixels. A plane without measurable noise (constant, or all masked) is kept
    /// exactly, with GZIP_2.
    func compression(of pixels: [Float], mask: [Int32], of image: MaskedImage) -> FITSCompression {
        guard let quantization else { return FITSCompression(algorithm, tileShape: tileShape) }
        return compression(quantization) {
            guard case .maskedNoise(let planes) = quantization.scaling else { return .nan }
            return Self.noise(of: pixels, mask: mask, excluding: image.bitMask(planes))
        }
    }

    private func compression(_ quantization: WriteRecipe.Quantization, noise: () -> Float) -> FITSCompression {
        let scaling: FITSCompression.Quantization.Scaling
        switch quantization.scaling {
        case .tileNoise: scaling = .tileNoise(level: quantization.level)
        case .manual: scaling = .step(quantization.level)
        case .maskedNoise:
            let step = noise() / quantization.level
            guard step > 0, step.isFinite else { return FITSCompression(.gzip2, tileShape: tileShape) }
            scaling = .step(step)
        }
        return FITSCompression(
            algorithm,
            quantization: FITSCompression.Quantization(
                scaling: scaling, dither: quantization.dither, seed: quantization.seed),
            tileShape: tileShape)
    }

    /// The compression of an image without a mask.
    func compression(of image: FITSImage) -> FITSCompression {
        guard let quantization else { return FITSCompression(algorithm, tileShape: tileShape) }
        let values: [Float]
        switch image.pixels {
        case .float(let pixels): values = pixels
        case .double(let pixels): values = pixels.map { Float($0) }
        // Integers are always kept exactly.
        default: return FITSCompression(algorithm, tileShape: tileShape)
        }
        return compression(quantization) { Self.noise(of: values, mask: nil, excluding: 0) }
    }

    /// The standard deviation of a normal distribution with the quartiles of the pixels (0.741 times their distance).
    /// NaN when no finite pixel is left. Cost: O(n log n).
    static func noise(of pixels: [Float], mask: [Int32]?, excluding bits: Int32) -> Float {
        var usable: [Float] = []
        usable.reserveCapacity(pixels.count)
        if let mask, bits != 0 {
            for (pixel, flags) in zip(pixels, mask) where flags & bits == 0 && pixel.isFinite { usable.append(pixel) }
        } else {
            for pixel in pixels where pixel.isFinite { usable.append(pixel) }
        }
        guard !usable.isEmpty else { return .nan }
        usable.sort()
        let lower = usable.count / 4
        let upper = min(lower + usable.count / 2, usable.count - 1)
        return Float(0.741 * (Double(usable[upper]) - Double(usable[lower])))
    }
}
