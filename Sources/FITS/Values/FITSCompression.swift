/// Tile compression of an image extension (FITS standard 4.0, section 10).
public struct FITSCompression: Sendable, Hashable {
    public enum Algorithm: String, Sendable, Hashable, CaseIterable {
        case gzip1 = "GZIP_1"
        /// Bytes of like significance together: better for floating-point pixels.
        case gzip2 = "GZIP_2"
        /// Integers, and floating-point pixels that are quantised.
        case rice1 = "RICE_1"
    }

    public enum Dither: String, Sendable, Hashable, CaseIterable {
        case none = "NO_DITHER"
        case subtractive1 = "SUBTRACTIVE_DITHER_1"
        /// As `subtractive1`, and pixels that are exactly zero stay zero.
        case subtractive2 = "SUBTRACTIVE_DITHER_2"
    }

    /// How floating-point pixels become integers. This loses precision: every finite pixel keeps within one half of
    /// the step (with dithering, within one step). NaN stays NaN; infinities become NaN.
    public struct Quantization: Sendable, Hashable {
        public enum Scaling: Sendable, Hashable {
            /// cfitsio measures the noise of every tile; the step is the noise divided by this level.
            case tileNoise(level: Float)
            /// The step in pixel units, the same for all tiles.
            case step(Float)
        }

        public var scaling: Scaling
        public var dither: Dither
        /// Start of the dithering sequence, 1...10000.
        public var seed: Int

        public init(scaling: Scaling, dither: Dither = .subtractive1, seed: Int = 1) {
            self.scaling = scaling
            self.dither = dither
            self.seed = seed
        }
    }

    public var algorithm: Algorithm
    /// `nil` keeps floating-point pixels exactly (not possible with `rice1`). Ignored for integers, which are always
    /// kept exactly.
    public var quantization: Quantization?
    /// Tile lengths in the order of the image's shape; `nil` for one row per tile.
    public var tileShape: [Int]?

    public init(_ algorithm: Algorithm, quantization: Quantization? = nil, tileShape: [Int]? = nil) {
        self.algorithm = algorithm
        self.quantization = quantization
        self.tileShape = tileShape
    }

    /// The recipe `lossless` of Rubin's FITS formatters.
    public static let lossless = FITSCompression(.gzip2)
}
