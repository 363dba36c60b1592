extension FITSFile {
    /// Where the first image of two axes lies in its parent image; `nil` when there is none.
    public var imageBox: PixelBox? {
        guard let index = planeIndices.first, let image = hdus[index].image else { return nil }
        let origin = PixelCoordinates.origin(hdus[index].header)
        return PixelBox(
            x: origin.x..<(origin.x + image.shape[1]), y: origin.y..<(origin.y + image.shape[0]))
    }

    /// The same file with its images cut down to a box; world coordinates still point at the same pixels.
    ///
    /// All images of two axes that have the shape of the first are cut: image, mask and variance of an exposure. Other
    /// HDUs stay as they are. Cost: the pixels of the box; the whole file is in memory already.
    ///
    /// - Throws: `.invalidContent` when there is no image of two axes, or the box is empty or leaves the image.
    public func cutout(_ box: PixelBox, in frame: PixelFrame = .parent) throws(FITSError) -> FITSFile {
        guard let whole = imageBox else {
            throw .invalidContent(what: "the file", reason: "it has no image of two axes to cut from")
        }
        let (dx, dy) = frame == .parent ? (whole.x.lowerBound, whole.y.lowerBound) : (0, 0)
        let available = PixelBox(x: dx..<(dx + whole.width), y: dy..<(dy + whole.height))
        guard box.width > 0, box.height > 0, available.contains(box) else {
            throw .invalidContent(
                what: "the box \(box)", reason: "it is empty or leaves the image, which covers \(available)")
        }
        let local = PixelBox(
            x: (box.x.lowerBound - dx)..<(box.x.upperBound - dx), y: (box.y.lowerBound - dy)..<(box.y.upperBound - dy))
        var result = self
        for index in planeIndices {
            guard case .image(var hdu) = hdus[index], let image = hdu.image else { continue }
            PixelCoordinates.shift(
                &hdu.header, columns: local.x.lowerBound, rows: local.y.lowerBound,
                origin: PixelCoordinates.origin(hdu.header))
            hdu.image = try image.cutout(local)
            result.hdus[index] = .image(hdu)
        }
        return result
    }

    /// The images of two axes with the shape of the first one.
    private var planeIndices: [Int] {
        guard let shape = hdus.lazy.compactMap({ $0.image?.shape }).first(where: { $0.count == 2 && !$0.contains(0) })
        else { return [] }
        return hdus.indices.filter { hdus[$0].image?.shape == shape }
    }
}

extension FITSImage {
    /// A part of an image of two axes; the box is inside and counts from the first pixel.
    func cutout(_ box: PixelBox) throws(FITSError) -> FITSImage {
        let width = shape[1]
        func cut<Element>(_ pixels: [Element]) -> [Element] {
            var part: [Element] = []
            part.reserveCapacity(box.width * box.height)
            for row in box.y { part += pixels[(row * width + box.x.lowerBound)..<(row * width + box.x.upperBound)] }
            return part
        }
        let pixels: FITSPixels =
            switch self.pixels {
            case .int8(let pixels): .int8(cut(pixels))
            case .uint8(let pixels): .uint8(cut(pixels))
            case .int16(let pixels): .int16(cut(pixels))
            case .uint16(let pixels): .uint16(cut(pixels))
            case .int32(let pixels): .int32(cut(pixels))
            case .uint32(let pixels): .uint32(cut(pixels))
            case .int64(let pixels): .int64(cut(pixels))
            case .float(let pixels): .float(cut(pixels))
            case .double(let pixels): .double(cut(pixels))
            }
        return try FITSImage(shape: [box.height, box.width], pixels: pixels)
    }
}
