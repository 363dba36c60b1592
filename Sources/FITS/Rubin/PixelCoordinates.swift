/// The keywords that place an image inside its parent image: the linear coordinate system `A` that afw writes, or `LTV`
/// in older files.
enum PixelCoordinates {
    /// The first pixel of the image in coordinates of the parent; (0, 0) without keywords.
    static func origin(_ header: FITSHeader) -> PixelOrigin {
        func start(_ axis: Int) -> Int {
            if header.string("CTYPE\(axis)A") == "LINEAR", let value = header.double("CRVAL\(axis)A"),
                let reference = header.double("CRPIX\(axis)A")
            {
                return Int(exactly: (value - reference + 1).rounded()) ?? 0
            }
            return header.double("LTV\(axis)").flatMap { Int(exactly: (-$0).rounded()) } ?? 0
        }
        return PixelOrigin(x: start(1), y: start(2))
    }

    static func set(_ origin: PixelOrigin, in header: inout FITSHeader) {
        header["LTV1"] = .float(-Double(origin.x))
        header["LTV2"] = .float(-Double(origin.y))
        for (axis, start, unit) in [("1", origin.x, "Column"), ("2", origin.y, "Row")] {
            header.set("CTYPE\(axis)A", .string("LINEAR"), comment: "Type of projection")
            header.set("CRPIX\(axis)A", .float(1), comment: "\(unit) Pixel Coordinate of Reference")
            header.set("CRVAL\(axis)A", .float(Double(start)), comment: "\(unit) pixel of Reference Pixel")
            header.set("CUNIT\(axis)A", .string("PIXEL"), comment: "\(unit) unit")
        }
    }

    /// The keywords that ``set(_:in:)`` writes.
    static let keywords: Set<String> = {
        var names: Set = ["LTV1", "LTV2"]
        for axis in 1...2 { for name in ["CTYPE", "CRPIX", "CRVAL", "CUNIT"] { names.insert("\(name)\(axis)A") } }
        return names
    }()

    /// Moves the reference pixels of all world coordinate systems when an image loses its first columns and rows.
    static func shift(_ header: inout FITSHeader, columns: Int, rows: Int, origin: PixelOrigin) {
        for (axis, offset) in [("1", columns), ("2", rows)] {
            for letter in [""] + "BCDEFGHIJKLMNOPQRSTUVWXYZ".map({ String($0) }) {
                let keyword = "CRPIX\(axis)\(letter)"
                if let value = header.double(keyword) { header[keyword] = .float(value - Double(offset)) }
            }
        }
        set(PixelOrigin(x: origin.x + columns, y: origin.y + rows), in: &header)
    }
}
