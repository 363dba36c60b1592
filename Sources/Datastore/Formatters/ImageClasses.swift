import FITS

/// What the image classes of `lsst.afw.image` hold, by which storage classes say what their datasets are. Sources: the
/// storage classes of daf_butler, and afw's pixel types.
enum ImageClasses {
    /// Why a value is not of a class; `nil` when it is, or the class is not one of these.
    static func problem(of content: any ImageContent, as pytype: String) -> String? {
        let prefix = "lsst.afw.image."
        guard pytype.hasPrefix(prefix) else { return nil }
        let name = pytype.dropFirst(prefix.count)
        for kind in ["MaskedImage", "Exposure", "DecoratedImage", "Image", "Mask"] where name.hasPrefix(kind) {
            let suffix = String(name.dropFirst(kind.count))
            switch kind {
            case "MaskedImage", "Exposure":
                guard content is MaskedImage || content is Exposure else {
                    return "the value is \(type(of: content).kindName), not image, mask and variance"
                }
                return ["", "F"].contains(suffix) ? nil : "the image has the pixels of \(kind)F, not of \(name)"
            default:
                guard let plane = content as? ImagePlane else {
                    return "the value is \(type(of: content).kindName), not one plane"
                }
                guard let pixels = plane.hdu.image?.pixels else { return nil }
                let fits = kind == "Mask" ? isMask(pixels) : isImage(pixels, suffix)
                return fits ? nil : "the plane has \(pixels.elementName) pixels, which is no \(name)"
            }
        }
        return nil
    }

    private static func isMask(_ pixels: FITSPixels) -> Bool { if case .int32 = pixels { true } else { false } }

    private static func isImage(_ pixels: FITSPixels, _ suffix: String) -> Bool {
        switch (suffix, pixels) {
        case ("U", .uint16), ("I", .int32), ("L", .int64), ("F", .float), ("D", .double): true
        case ("U", _), ("I", _), ("L", _), ("F", _), ("D", _): false
        default: true
        }
    }
}

extension FITSPixels {
    /// What messages call the elements.
    fileprivate var elementName: String {
        switch self {
        case .int8: "8-bit signed"
        case .uint8: "8-bit"
        case .int16: "16-bit"
        case .uint16: "16-bit unsigned"
        case .int32: "32-bit"
        case .uint32: "32-bit unsigned"
        case .int64: "64-bit"
        case .float: "32-bit floating-point"
        case .double: "64-bit floating-point"
        }
    }
}
