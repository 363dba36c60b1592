/// What is stored as images whose compression a write recipe decides.
public protocol ImageContent: Sendable {
    /// The whole file.
    /// - Throws: `FITSError` for what FITS cannot express.
    func file(recipe: WriteRecipe) throws(FITSError) -> FITSFile

    /// What messages call it.
    static var kindName: String { get }
}

/// One image with its header, as `lsst.afw.image.Image` and `Mask` are stored: in the primary HDU, or behind an empty
/// one when it is compressed or the primary header has cards of its own.
public struct ImagePlane: ImageContent, Hashable {
    public static let kindName = "an image"

    /// Cards of a primary HDU before the one with the image.
    public var primary: FITSHeader
    public var hdu: FITSImageHDU

    public init(_ hdu: FITSImageHDU, primary: FITSHeader = FITSHeader()) {
        self.hdu = hdu
        self.primary = primary
    }

    public init(_ image: FITSImage, header: FITSHeader = FITSHeader()) {
        self.init(FITSImageHDU(header: header, image: image))
    }

    /// The recipe's settings for `image` count, unless the HDU has settings of its own.
    public func file(recipe: WriteRecipe) throws(FITSError) -> FITSFile {
        var hdu = hdu
        if hdu.compression == nil, let image = hdu.image, image.pixels.count > 0 {
            hdu.compression = recipe.image?.compression(of: image)
        }
        if hdu.compression == nil, primary.cards.isEmpty { return FITSFile(hdus: [.image(hdu)]) }
        return FITSFile(hdus: [.image(FITSImageHDU(header: primary)), .image(hdu)])
    }
}

extension MaskedImage: ImageContent {
    public static let kindName = "a masked image"

    /// Image, mask and variance as images of their own, each with its place in the parent image; the metadata goes with
    /// the image.
    public func planes() throws(FITSError) -> (image: ImagePlane, mask: ImagePlane, variance: ImagePlane) {
        let file = try file(recipe: .noCompression)
        func plane(_ index: Int, primary: FITSHeader) -> ImagePlane {
            guard case .image(let hdu) = file.hdus[index] else { return ImagePlane(FITSImageHDU(), primary: primary) }
            return ImagePlane(hdu, primary: primary)
        }
        return (
            plane(1, primary: file.hdus[0].header), plane(2, primary: FITSHeader()), plane(3, primary: FITSHeader())
        )
    }

    /// Puts together what ``planes()`` takes apart, from the three files.
    ///
    /// - Throws: as ``init(_:)-(FITSFile)``; `.missingHDU` for a file without an image.
    public init(image: FITSFile, mask: FITSFile, variance: FITSFile) throws(FITSError) {
        var hdus: [FITSHDU] = []
        for (name, file) in [("IMAGE", image), ("MASK", mask), ("VARIANCE", variance)] {
            guard let index = file.hdus.firstIndex(where: { $0.image != nil }) else {
                throw .missingHDU(name: name, present: file.hdus.compactMap(\.name))
            }
            if hdus.isEmpty {
                hdus.append(.image(FITSImageHDU(header: index > 0 ? file.hdus[0].header : FITSHeader())))
            }
            var hdu = file.hdus[index]
            hdu.header["EXTNAME"] = .string(name)
            hdus.append(hdu)
        }
        try self.init(FITSFile(hdus: hdus))
    }
}

/// A masked image and whatever else its file holds behind the three planes, as `lsst.afw.image.Exposure` stores it: the
/// archive tables with world coordinates, point spread function and the like are kept as they are.
public struct Exposure: ImageContent, Hashable {
    public static let kindName = "an exposure"

    public var maskedImage: MaskedImage
    /// In the order of the file. Tables with columns that cannot be read cannot be written either.
    public var extensions: [FITSHDU]

    public init(_ maskedImage: MaskedImage, extensions: [FITSHDU] = []) {
        self.maskedImage = maskedImage
        self.extensions = extensions
    }

    /// - Throws: as `MaskedImage`.
    public init(_ file: FITSFile) throws(FITSError) {
        maskedImage = try MaskedImage(file)
        extensions = file.hdus.dropFirst().filter { hdu in
            !MaskedImage.planeNames.contains(hdu.name?.uppercased() ?? "")
        }
    }

    public func file(recipe: WriteRecipe) throws(FITSError) -> FITSFile {
        var file = try maskedImage.file(recipe: recipe)
        file.hdus += extensions
        return file
    }
}
