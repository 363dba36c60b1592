/// One HDU of a file, and what the others are: for a look at large files without decoding all of them.
///
/// Blocks as `FITSFile` does. Memory: the file and the decoded data of one HDU.
public struct FITSPart: Sendable {
    /// What an HDU holds, by its header.
    public struct Summary: Sendable, Hashable {
        public enum Kind: String, Sendable { case header, image, table }
        public let kind: Kind
        /// `EXTNAME`.
        public let name: String?
        /// Lengths of the axes of an image, slowest first; `[rows, bytes of a row]` for a table.
        public let shape: [Int]
    }

    public let summaries: [Summary]
    /// The HDU that was decoded.
    public let index: Int
    public let hdu: FITSHDU

    /// - Parameters:
    ///   - hdu: which to decode; `nil` for the first image with two or more axes, or else the first table.
    ///   - maximumRows: rows of a table after these are left out.
    /// - Throws: as `FITSFile`; `.missingHDU` for a number that the file does not have.
    public init(
        bytes: [UInt8], name: String = "FITS data", hdu: Int? = nil, maximumRows: Int = .max,
        limits: FITSLimits = FITSLimits()
    ) throws(FITSError) {
        self = try FITSBytes.using(bytes, file: name) { bytes throws(FITSError) in
            try FITSPart(bytes, name: name, hdu: hdu, maximumRows: maximumRows, limits: limits)
        }
    }

    private init(
        _ bytes: FITSBytes, name: String, hdu: Int?, maximumRows: Int, limits: FITSLimits
    ) throws(FITSError) {
        let layouts = try StructureCheck(bytes: bytes, file: name, limits: limits).run()
        let index = hdu ?? Self.mostInteresting(layouts)
        guard layouts.indices.contains(index) else {
            throw .missingHDU(name: "\(index)", present: layouts.indices.map { "\($0)" })
        }
        let decoded = try FITSDecoder(file: name, limits: limits)
            .decode(bytes, layouts: layouts, .one(index, maximumRows: maximumRows))
        summaries = zip(layouts, decoded).map { layout, hdu in
            let kind: Summary.Kind = layout.kind == .table ? .table : layout.axes.isEmpty ? .header : .image
            return Summary(kind: kind, name: hdu.name, shape: layout.axes.reversed().map { Int($0) })
        }
        self.index = index
        self.hdu = decoded[index]
    }

    private static func mostInteresting(_ layouts: [HDULayout]) -> Int {
        layouts.firstIndex { $0.kind != .table && $0.axes.count >= 2 && $0.axes.allSatisfy { $0 > 0 } }
            ?? layouts.firstIndex { $0.kind == .table } ?? 0
    }
}
