import FITS
import StructuredData

/// Images, masks, masked images and exposures in FITS files: the three planes, the metadata of the primary header and
/// what follows from the place of the pixels. Whatever afw keeps in its archive tables is not looked at.
struct ExposureDelegate: StorageClassDelegate {
    private static let planes = ["image", "mask", "variance"]

    func parts(of value: DatasetValue) throws -> [String: DatasetValue]? {
        let exposure: Exposure
        switch value {
        case .image(let content as MaskedImage): exposure = Exposure(content)
        case .image(let content as Exposure): exposure = content
        case .fits(let file): exposure = try Exposure(file)
        default: return GenericDelegate().parts(of: value)
        }
        guard exposure.extensions.isEmpty else {
            throw FITSError.unsupported(
                what: "taking apart an exposure with \(exposure.extensions.count) HDUs behind image, mask and variance",
                remedy: "store it in one file")
        }
        let planes = try exposure.maskedImage.planes()
        return ["image": .image(planes.image), "mask": .image(planes.mask), "variance": .image(planes.variance)]
    }

    func component(_ name: String, of value: DatasetValue) throws -> DatasetValue? {
        guard let file = try FITSFile(dataset: value) else { return GenericDelegate().component(name, of: value) }
        switch name {
        case "image", "mask", "variance":
            let hdu = try file.hdu(named: name)
            return .fits(FITSFile(hdus: [.image(FITSImageHDU(header: file.hdus[0].header)), hdu]))
        case "metadata":
            var mapping = StructuredMapping()
            for card in file.hdus[0].header.cards { mapping[card.keyword] = card.value.structured }
            return .structured(.object(mapping))
        case "bbox": return file.imageBox.map { .structured($0.structured) }
        case "dimensions":
            return file.imageBox.map { .structured([.int(Int64($0.width)), .int(Int64($0.height))]) }
        case "xy0":
            return file.imageBox.map {
                .structured([.int(Int64($0.x.lowerBound)), .int(Int64($0.y.lowerBound))])
            }
        default: return nil
        }
    }

    func source(ofDerived name: String) -> String? {
        ["bbox", "dimensions", "xy0"].contains(name) ? "image" : nil
    }

    func whole(_ components: [String: DatasetValue]) throws -> DatasetValue {
        let value = DatasetValue.composite(components)
        guard Set(components.keys) == Set(Self.planes), let image = try MaskedImage(dataset: value) else {
            return value
        }
        return .fits(try image.file(recipe: .noCompression))
    }
}
