/// What the mandatory keywords of an HDU say about its data.
struct HDULayout: Sendable {
    enum Kind { case image, compressedImage, table }
    var kind: Kind
    /// Axis lengths, `NAXIS1` first; of the uncompressed image for a compressed one.
    var axes: [Int64]
    /// Bytes of the decoded pixels; for tables the bytes of the rows.
    var decodedBytes: Int64
    /// Floating-point pixels stored as scaled integers.
    var isQuantized = false
    /// Pixels of the largest tile of a compressed image.
    var tilePixels: Int64 = 0
    /// The tiles in the main column of a compressed image are gzip streams.
    var isGzip = false
    /// How the pixels of an image are stored, when that takes no library to understand.
    var plain: PlainPixels?
    /// The same of the pixels in the tiles of a compressed image.
    var storedPixels: PlainPixels?
    /// Where in the file the data begins.
    var dataOffset = 0
    var tiling: Tiling?

    /// How the image is cut, when each tile is a run of its pixels.
    struct Tiling: Sendable {
        /// Pixels of a tile; the last of each plane may have fewer.
        var run: Int
        /// Pixels of a plane: of the axes that tiles are cut along, and those before.
        var plane: Int
        /// Bytes of like significance are together.
        var isShuffled: Bool
    }
}

/// Walks the HDUs before cfitsio sees the file: the sizes that headers claim must fit into the file and the limits, and
/// the numbers that cfitsio divides and allocates by must make sense. Cost: O(header bytes).
///
/// Of a file on disk it reads the headers, and the data of all but plain images.
struct StructureCheck {
    let bytes: FITSBytes
    let file: String
    let limits: FITSLimits

    private static let block = 2880
    private static let cardLength = 80
    /// Most pixels a compressed byte can stand for: PLIO and deflate reach about this on constant data.
    private static let largestCompressionRatio: Int64 = 8192

    func run() throws(FITSError) -> [HDULayout] {
        guard bytes.count > 0 else { throw .notFITS(file: file, reason: "it is empty") }
        let first = try block(at: 0)
        guard !first.starts(with: [0x1f, 0x8b]) else {
            throw .unsupported(what: "\(file), a FITS file compressed as a whole with gzip,", remedy: "gunzip it first")
        }
        guard first.starts(with: "SIMPLE  =".utf8) else {
            throw .notFITS(file: file, reason: "it does not begin with the card SIMPLE")
        }
        var layouts: [HDULayout] = []
        var position = 0
        while position < bytes.count {
            let start = try block(at: position)
            if !layouts.isEmpty, !start.starts(with: "XTENSION=".utf8) {
                // Padding by whole blocks (tape-like media) is harmless.
                try bytes.load(position..<bytes.count)
                guard bytes[position..<bytes.count].allSatisfy({ $0 == 0 || $0 == 32 }) else {
                    throw .malformed(
                        file: file, hdu: layouts.count,
                        reason: "its data is not followed by another HDU or the end of the file")
                }
                break
            }
            guard layouts.count < limits.maximumHDUs else {
                throw .malformed(
                    file: file, hdu: layouts.count, reason: "there are more than \(limits.maximumHDUs) HDUs")
            }
            let hdu = layouts.count
            let header = try readHeader(at: position, hdu: hdu)
            var (layout, dataBytes) = try examine(header.cards, hdu: hdu)
            // Data is padded to whole blocks; without the padding more than padding may be missing.
            let blocks = dataBytes / Int64(Self.block) + (dataBytes % Int64(Self.block) == 0 ? 0 : 1)
            guard blocks <= Int64((bytes.count - header.end) / Self.block) else {
                let end = blocks.multipliedReportingOverflow(by: Int64(Self.block))
                let needed = end.partialValue.addingReportingOverflow(Int64(header.end))
                throw .truncated(
                    file: file, hdu: hdu, needed: end.overflow || needed.overflow ? Int64.max : needed.partialValue,
                    available: Int64(bytes.count))
            }
            position = header.end + Int(blocks) * Self.block
            layout.dataOffset = header.end
            if layout.plain == nil { try bytes.load(header.end..<position) }
            layouts.append(layout)
        }
        return layouts
    }

    /// A block of the file, or what there is of it.
    private func block(at position: Int) throws(FITSError) -> UnsafeRawBufferPointer {
        let range = position..<min(position + Self.block, bytes.count)
        try bytes.load(range)
        return bytes[range]
    }

    // MARK: Cards

    /// The value text of every keyword. Those that sizes depend on must not be repeated: which one counts for cfitsio
    /// depends on the order of its questions.
    private func readHeader(at start: Int, hdu: Int) throws(FITSError) -> (cards: [String: String], end: Int) {
        var cards: [String: String] = [:]
        var position = start
        while true {
            guard position + Self.cardLength <= bytes.count else {
                throw .truncated(
                    file: file, hdu: hdu, needed: Int64(position + Self.cardLength), available: Int64(bytes.count))
            }
            if position > start, (position - start) % Self.block == 0 { _ = try block(at: position) }
            let card = bytes[position..<(position + Self.cardLength)]
            position += Self.cardLength
            guard card.allSatisfy({ (32..<127).contains($0) }) else {
                throw .malformed(file: file, hdu: hdu, reason: "a header card holds bytes that are not printable ASCII")
            }
            var keyword = text(card.prefix(8)).uppercased()
            var value = card.dropFirst(8)
            if keyword == "END" { break }
            if keyword == "HIERARCH" {
                // cfitsio finds `HIERARCH X` under the name X too.
                keyword = text(value.prefix { $0 != UInt8(ascii: "=") }).uppercased()
                value = value.drop { $0 != UInt8(ascii: "=") }
            }
            guard value.first == UInt8(ascii: "=") else { continue }
            if cards.updateValue(valueText(value.dropFirst()), forKey: keyword) != nil {
                guard !isUnique(keyword) else {
                    throw .malformed(file: file, hdu: hdu, reason: "the keyword \(keyword) appears more than once")
                }
                // Which of them counts is the library's to say.
                if ["BSCALE", "BZERO"].contains(keyword) { cards[keyword] = "repeated" }
            }
        }
        let end = start + (position - start + Self.block - 1) / Self.block * Self.block
        guard end <= bytes.count else {
            throw .truncated(file: file, hdu: hdu, needed: Int64(end), available: Int64(bytes.count))
        }
        return (cards, end)
    }

    private func isUnique(_ keyword: String) -> Bool {
        ["NAXIS", "Z"].contains { keyword.hasPrefix($0) }
            ? StructuralKeywords.isStructural(keyword, kind: .compressedImage)
            : ["SIMPLE", "XTENSION", "BITPIX", "PCOUNT", "GCOUNT", "GROUPS", "TFIELDS", "THEAP"].contains(keyword)
    }

    private func text(_ slice: Slice<UnsafeRawBufferPointer>) -> String {
        var trimmed = slice
        while trimmed.last == 32 { trimmed.removeLast() }
        while trimmed.first == 32 { trimmed.removeFirst() }
        return String(decoding: trimmed, as: UTF8.self)
    }

    private func valueText(_ slice: Slice<UnsafeRawBufferPointer>) -> String {
        let start = slice.drop { $0 == 32 }
        if start.first == UInt8(ascii: "'") { return text(start.dropFirst().prefix { $0 != UInt8(ascii: "'") }) }
        return text(start.prefix { $0 != UInt8(ascii: "/") })
    }

    // MARK: Sizes

    private func examine(_ cards: [String: String], hdu: Int) throws(FITSError) -> (HDULayout, Int64) {
        let bitpix = try integer("BITPIX", cards, hdu, in: -64...64)
        guard [8, 16, 32, 64, -32, -64].contains(bitpix) else {
            throw .malformed(file: file, hdu: hdu, reason: "BITPIX is \(bitpix)")
        }
        let axes = try axisLengths("NAXIS", cards, hdu, largestCount: 9)
        let groups = try integer("GCOUNT", cards, hdu, in: 1...Int64.max, missing: 1)
        let heap = try integer("PCOUNT", cards, hdu, in: 0...Int64.max, missing: 0)
        guard groups == 1, cards["GROUPS"] != "T" else {
            throw .unsupported(what: "the random groups structure of \(file)", remedy: "convert the file to a table")
        }
        var sound = true
        let main = axes.isEmpty ? 0 : product(axes + [abs(bitpix) / 8], &sound)
        let (data, overflow) = main.addingReportingOverflow(heap)
        guard sound, !overflow else {
            throw .malformed(file: file, hdu: hdu, reason: "the axis lengths \(axes) overflow")
        }
        let kind = cards["XTENSION"] ?? "IMAGE"
        switch kind {
        case "IMAGE", "IUEIMAGE":
            guard heap == 0 else { throw .malformed(file: file, hdu: hdu, reason: "PCOUNT of an image is \(heap)") }
            // Scaled integers become doubles.
            try checkLimit(axes.isEmpty ? 0 : product(axes + [8], &sound), hdu)
            let plain = PlainPixels(bitpix: bitpix, scale: cards["BSCALE"], zero: cards["BZERO"])
            return (HDULayout(kind: .image, axes: axes, decodedBytes: main, plain: plain), data)
        case "BINTABLE", "A3DTABLE", "TABLE":
            guard axes.count == 2, bitpix == 8 else {
                throw .malformed(file: file, hdu: hdu, reason: "a table needs BITPIX 8 and two axes")
            }
            let columns = try integer("TFIELDS", cards, hdu, in: 0...999)
            if kind == "BINTABLE", cards["ZIMAGE"] == "T" {
                guard columns > 0 else {
                    throw .malformed(file: file, hdu: hdu, reason: "a compressed image needs at least one column")
                }
                return (try examineCompressed(cards, hdu: hdu, rows: axes[1], stored: data), data)
            }
            try checkLimit(main, hdu)
            return (HDULayout(kind: .table, axes: axes, decodedBytes: main), data)
        default:
            throw .unsupported(what: "the extension type '\(kind)' in HDU \(hdu) of \(file)", remedy: "remove that HDU")
        }
    }

    private func examineCompressed(
        _ cards: [String: String], hdu: Int, rows: Int64, stored: Int64
    ) throws(FITSError) -> HDULayout {
        let bitpix = try integer("ZBITPIX", cards, hdu, in: -64...64)
        guard [8, 16, 32, 64, -32, -64].contains(bitpix) else {
            throw .malformed(file: file, hdu: hdu, reason: "ZBITPIX is \(bitpix)")
        }
        // cfitsio's MAX_COMPRESS_DIM.
        let axes = try axisLengths("ZNAXIS", cards, hdu, largestCount: 6)
        guard !axes.isEmpty else { throw .malformed(file: file, hdu: hdu, reason: "ZNAXIS is 0") }
        var tiles: Int64 = 1
        var tilePixels: Int64 = 1
        var tileAxes: [Int64] = []
        var sound = true
        for (index, length) in axes.enumerated() {
            let tile = try integer(
                "ZTILE\(index + 1)", cards, hdu, in: 1...Int64(Int32.max), missing: index == 0 ? max(1, length) : 1)
            tiles = product([tiles, length / tile + (length % tile == 0 ? 0 : 1)], &sound)
            tilePixels = product([tilePixels, tile], &sound)
            tileAxes.append(tile)
        }
        let decoded = product(axes + [abs(bitpix) / 8], &sound)
        let capacity = product([max(stored, 1), Self.largestCompressionRatio], &sound)
        guard sound, decoded <= capacity, tilePixels <= max(decoded, 1 << 24), tilePixels <= Int64(Int32.max) / 8 else {
            throw .malformed(
                file: file, hdu: hdu, reason: "\(stored) bytes cannot hold a compressed image of axes \(axes)")
        }
        guard tiles <= rows else {
            throw .malformed(file: file, hdu: hdu, reason: "the image has \(tiles) tiles, the table has \(rows) rows")
        }
        try checkLimit(product(axes + [8], &sound), hdu)
        let algorithm = cards["ZCMPTYPE"] ?? ""
        guard ["GZIP_1", "GZIP_2", "RICE_1", "RICE_ONE", "NOCOMPRESS"].contains(algorithm) else {
            throw .unsupported(
                what: "the compression '\(algorithm)' in HDU \(hdu) of \(file)",
                remedy: "recompress the file with GZIP_1, GZIP_2 or RICE_1")
        }
        if algorithm.hasPrefix("RICE") {
            // cfitsio takes these two by position, whatever their names are, and divides by the first.
            let block = try integer("ZVAL1", cards, hdu, in: 1...Int64(Int32.max))
            let width = try integer("ZVAL2", cards, hdu, in: 1...8, missing: 4)
            guard [16, 32].contains(block), [1, 2, 4, 8].contains(width) else {
                throw .malformed(
                    file: file, hdu: hdu, reason: "the Rice parameters are block size \(block) and pixel size \(width)")
            }
        }
        let isQuantized = bitpix < 0 && cards["ZQUANTIZ"] != "NONE"
        var layout = HDULayout(
            kind: .compressedImage, axes: axes, decodedBytes: decoded, isQuantized: isQuantized, tilePixels: tilePixels,
            isGzip: algorithm.hasPrefix("GZIP"))
        if layout.isGzip, !isQuantized {
            layout.tiling = tiling(axes, tileAxes, isShuffled: algorithm == "GZIP_2")
            layout.storedPixels = PlainPixels(bitpix: bitpix, scale: cards["BSCALE"], zero: cards["BZERO"])
        }
        return layout
    }

    /// `nil` when tiles are no runs of pixels.
    private func tiling(_ axes: [Int64], _ tiles: [Int64], isShuffled: Bool) -> HDULayout.Tiling? {
        var run = 1
        var plane = 1
        var index = 0
        while index < axes.count, tiles[index] >= axes[index] {
            run *= Int(axes[index])
            index += 1
        }
        plane = run
        if index < axes.count {
            run *= Int(tiles[index])
            plane *= Int(axes[index])
            guard tiles[(index + 1)...].allSatisfy({ $0 == 1 }) else { return nil }
        }
        return run > 0 ? HDULayout.Tiling(run: run, plane: plane, isShuffled: isShuffled) : nil
    }

    private func axisLengths(
        _ prefix: String, _ cards: [String: String], _ hdu: Int, largestCount: Int64
    ) throws(FITSError) -> [Int64] {
        let count = try integer(prefix, cards, hdu, in: 0...largestCount)
        var axes: [Int64] = []
        for index in 0..<count { axes.append(try integer("\(prefix)\(index + 1)", cards, hdu, in: 0...Int64.max)) }
        return axes
    }

    private func integer(
        _ keyword: String, _ cards: [String: String], _ hdu: Int, in range: ClosedRange<Int64>, missing: Int64? = nil
    ) throws(FITSError) -> Int64 {
        guard let text = cards[keyword] else {
            if let missing { return missing }
            throw .malformed(file: file, hdu: hdu, reason: "the mandatory keyword \(keyword) is missing")
        }
        guard let value = Int64(text), range.contains(value) else {
            throw .malformed(file: file, hdu: hdu, reason: "\(keyword) is '\(text)'")
        }
        return value
    }

    private func product(_ factors: [Int64], _ sound: inout Bool) -> Int64 {
        if factors.contains(0) { return 0 }
        var result: Int64 = 1
        for factor in factors {
            let (next, overflow) = result.multipliedReportingOverflow(by: factor)
            if overflow {
                sound = false
                return Int64.max
            }
            result = next
        }
        return result
    }

    private func checkLimit(_ needed: Int64, _ hdu: Int) throws(FITSError) {
        guard needed <= limits.maximumHDUBytes else {
            throw .tooLarge(file: file, hdu: hdu, bytes: needed, limit: limits.maximumHDUBytes)
        }
    }
}
