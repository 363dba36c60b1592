/// The file form of a masked image, as `lsst.afw.image.MaskedImage.writeFits` has it: an empty primary HDU with the
/// metadata, then the extensions IMAGE, MASK and VARIANCE, each with `EXTNAME`, `EXTTYPE`, `INHERIT`, the keywords of
/// the origin (`LTV1`, `LTV2` and the linear coordinate system `A`), and in MASK one keyword `MP_<plane>` per plane.
extension MaskedImage {
    static let planeNames = ["IMAGE", "MASK", "VARIANCE"]
    private static let maskPlanePrefix = "MP_"
    /// The step of a quantised plane, which afw leaves for readers of the header.
    private static let stepKeyword = "UZSCALE"

    /// The HDUs of the file.
    ///
    /// - Throws: `.invalidCard` for a plane name that is no keyword.
    public func file(recipe: WriteRecipe = .lossless) throws(FITSError) -> FITSFile {
        var primary = metadata
        // Readers merge the primary header into those of the planes, where these would be wrong.
        for keyword in ["EXTNAME", "EXTTYPE", "INHERIT"] { primary[keyword] = nil }
        let shape = [rows, columns]
        return FITSFile(hdus: [
            .image(FITSImageHDU(header: primary)),
            plane(
                "IMAGE", try FITSImage(shape: shape, pixels: .float(image)),
                recipe.image?.compression(of: image, mask: mask, of: self)),
            plane(
                "MASK", try FITSImage(shape: shape, pixels: .int32(mask)),
                recipe.mask.map { FITSCompression($0.algorithm, tileShape: $0.tileShape) }),
            plane(
                "VARIANCE", try FITSImage(shape: shape, pixels: .float(variance)),
                recipe.variance?.compression(of: variance, mask: mask, of: self)),
        ])
    }

    private func plane(_ name: String, _ image: FITSImage, _ wanted: FITSCompression?) -> FITSHDU {
        var header = planeHeader
        header["INHERIT"] = .bool(true)
        header["EXTTYPE"] = .string(name)
        header["EXTNAME"] = .string(name)
        if name == "MASK" {
            for plane in maskPlanes.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
                header[Self.maskPlanePrefix + plane.key] = .int(Int64(plane.value))
            }
        }
        PixelCoordinates.set(origin, in: &header)
        // An image without pixels cannot be compressed.
        let compression = image.pixels.count == 0 ? nil : wanted
        if case .step(let step)? = compression?.quantization?.scaling {
            header[Self.stepKeyword] = .float(Double(step))
        }
        return .image(FITSImageHDU(header: header, image: image, compression: compression))
    }

    /// Reads the form that `file(recipe:)` and afw write.
    ///
    /// - Throws: `.missingHDU` without one of the planes; `.invalidContent` when shapes differ or a plane is of
    ///   another pixel type. Image and variance of 64-bit floats are rounded to 32 bits; a mask may be of any
    ///   integer type that fits 32 bits.
    public init(_ file: FITSFile) throws(FITSError) {
        let hdus = try Self.planeNames.map { name throws(FITSError) in (name, try file.hdu(named: name)) }
        var shapes: [[Int]] = []
        for (name, hdu) in hdus {
            guard let image = hdu.image, image.shape.count == 2 else {
                throw .invalidContent(what: "HDU \(name)", reason: "it is not an image of two axes")
            }
            shapes.append(image.shape)
        }
        guard let shape = shapes.first, shapes.allSatisfy({ $0 == shape }) else {
            throw .invalidContent(what: "the masked image", reason: "its planes have the shapes \(shapes)")
        }
        let header = hdus[0].1.header
        try self.init(
            rows: shape[0], columns: shape[1], image: try Self.floats(hdus[0].1, "IMAGE"),
            mask: try Self.flags(hdus[1].1), variance: try Self.floats(hdus[2].1, "VARIANCE"),
            maskPlanes: Self.planes(hdus[1].1.header), origin: PixelCoordinates.origin(header),
            metadata: file.hdus.first?.header ?? FITSHeader(), planeHeader: Self.shared(header))
    }

    private static func floats(_ hdu: FITSHDU, _ name: String) throws(FITSError) -> [Float] {
        switch hdu.image?.pixels {
        case .float(let pixels)?: return pixels
        case .double(let pixels)?: return pixels.map { Float($0) }
        default: throw .invalidContent(what: "HDU \(name)", reason: "its pixels are not floating-point numbers")
        }
    }

    private static func flags(_ hdu: FITSHDU) throws(FITSError) -> [Int32] {
        switch hdu.image?.pixels {
        case .int32(let pixels)?: return pixels
        case .uint8(let pixels)?: return pixels.map { Int32($0) }
        case .int16(let pixels)?: return pixels.map { Int32($0) }
        case .uint16(let pixels)?: return pixels.map { Int32($0) }
        case .uint32(let pixels)?: return pixels.map { Int32(bitPattern: $0) }
        default: throw .invalidContent(what: "HDU MASK", reason: "its pixels are not integers of at most 32 bits")
        }
    }

    private static func planes(_ header: FITSHeader) -> [String: Int] {
        var planes: [String: Int] = [:]
        for card in header.cards where card.keyword.hasPrefix(maskPlanePrefix) {
            if case .int(let bit) = card.value, (0...31).contains(bit) {
                planes[String(card.keyword.dropFirst(maskPlanePrefix.count))] = Int(bit)
            }
        }
        return planes
    }

    /// The cards without those that describe one plane or the origin.
    private static func shared(_ header: FITSHeader) -> FITSHeader {
        let own = PixelCoordinates.keywords.union(["INHERIT", "EXTTYPE", "EXTNAME", "EXTVER", stepKeyword])
        return FITSHeader(header.cards.filter { !own.contains($0.keyword) && !$0.keyword.hasPrefix(maskPlanePrefix) })
    }
}
