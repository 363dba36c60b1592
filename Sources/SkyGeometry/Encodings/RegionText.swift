// Regions as database text: base64 of the byte form, and the aggregates that queries make of it.

extension Region {
    /// Reads database text: one region, several joined with ':' (their union), or none (the empty union).
    public init(base64 text: String) throws(RegionDecodingError) {
        let parts = Array(text.utf8).split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        if text.isEmpty {
            self = .union(UnionRegion([]))
        } else if parts.count == 1 {
            self = try Region(decoding: decodeBase64(parts[0]))
        } else {
            var operands: [Region] = []
            for part in parts { operands.append(try Region(decoding: decodeBase64(part))) }
            self = .union(UnionRegion(operands))
        }
    }

    /// The byte form as base64, as the database stores it.
    public var base64: String { encodeBase64(encoded()) }
}

extension Overlap {
    /// Evaluates an overlap expression `a&b|c&d|…` of base64 regions: whether any pair overlaps.
    ///
    /// Empty text means no pair. What follows the first pair that certainly overlaps is not read.
    public init(expression text: String) throws(RegionDecodingError) {
        var result = Overlap.no
        if !text.isEmpty {
            let terms = Array(text.utf8).split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
            for (i, term) in terms.enumerated() where result != .yes {
                guard let ampersand = term.firstIndex(of: UInt8(ascii: "&")) else { throw .missingAmpersand(term: i) }
                let a = try Region(decoding: decodeBase64(term[..<ampersand]))
                let b = try Region(decoding: decodeBase64(term[(ampersand + 1)...]))
                result = result.or(a.overlaps(b))
            }
        }
        self = result
    }
}
