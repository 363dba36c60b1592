import FITS

/// An image averaged over square blocks of pixels, small enough to show.
struct ImageReduction {
    /// Pixels of a row and rows, of the original.
    let width: Int
    let height: Int
    /// Pixels along each side of a block.
    let block: Int
    let columns: Int
    let rows: Int
    /// Row after row, the first row of the file first. NaN where a block has no finite pixel.
    let values: [Float]

    /// Blocks are as large as it takes for neither side to have more than `longestSide` of them. Of an image with more
    /// than two axes the first plane is taken; one axis makes one row. `nil` for an image without pixels.
    init?(_ image: FITSImage, longestSide: Int = 1024) {
        width = image.shape.last ?? 0
        height = image.shape.count > 1 ? image.shape[image.shape.count - 2] : 1
        guard width > 0, height > 0, image.pixels.count >= width * height else { return nil }
        block = max(1, (max(width, height) + longestSide - 1) / longestSide)
        columns = (width + block - 1) / block
        rows = (height + block - 1) / block
        let grid = Grid(width: width, height: height, block: block, columns: columns, rows: rows)
        values =
            switch image.pixels {
            case .int8(let pixels): grid.averages(pixels) { Double($0) }
            case .uint8(let pixels): grid.averages(pixels) { Double($0) }
            case .int16(let pixels): grid.averages(pixels) { Double($0) }
            case .uint16(let pixels): grid.averages(pixels) { Double($0) }
            case .int32(let pixels): grid.averages(pixels) { Double($0) }
            case .uint32(let pixels): grid.averages(pixels) { Double($0) }
            case .int64(let pixels): grid.averages(pixels) { Double($0) }
            case .float(let pixels): grid.averages(pixels) { Double($0) }
            case .double(let pixels): grid.averages(pixels) { $0 }
            }
    }

    private struct Grid {
        let width: Int
        let height: Int
        let block: Int
        let columns: Int
        let rows: Int

        func averages<Pixel>(_ pixels: [Pixel], _ number: (Pixel) -> Double) -> [Float] {
            var averages: [Float] = []
            averages.reserveCapacity(columns * rows)
            var sums = [Double](repeating: 0, count: columns)
            var counts = [Int](repeating: 0, count: columns)
            for row in 0..<rows {
                for column in 0..<columns { (sums[column], counts[column]) = (0, 0) }
                for y in (row * block)..<min((row + 1) * block, height) {
                    for x in 0..<width {
                        let value = number(pixels[y * width + x])
                        guard value.isFinite else { continue }
                        sums[x / block] += value
                        counts[x / block] += 1
                    }
                }
                for column in 0..<columns {
                    averages.append(counts[column] == 0 ? .nan : Float(sums[column] / Double(counts[column])))
                }
            }
            return averages
        }
    }

    /// The values as little-endian 32-bit floats.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * 4)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// Values below which a share of all finite values lies; empty without any finite value.
    func quantiles(_ shares: [Double]) -> [Float] {
        let sorted = values.filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return [] }
        return shares.map { sorted[min(sorted.count - 1, Int($0 * Double(sorted.count)))] }
    }
}
