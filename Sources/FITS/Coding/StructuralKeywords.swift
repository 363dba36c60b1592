/// Keywords that describe how the data is stored. They are left out of `FITSHeader` and made anew by the writer.
enum StructuralKeywords {
    private static let always: Set<String> = [
        "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "TFIELDS", "THEAP", "END",
        "CHECKSUM", "DATASUM", "CONTINUE", "LONGSTRN",
    ]

    private static let compression: Set<String> = [
        "ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZNAXIS", "ZMASKCMP", "ZQUANTIZ", "ZDITHER0", "ZSIMPLE", "ZTENSION", "ZEXTEND",
        "ZBLOCKED", "ZPCOUNT", "ZGCOUNT", "ZHECKSUM", "ZDATASUM", "ZBLANK", "ZSCALE", "ZZERO",
    ]

    private static let columnPrefixes = [
        "TTYPE", "TFORM", "TUNIT", "TSCAL", "TZERO", "TNULL", "TDISP", "TDIM", "TBCOL",
    ]
    private static let compressionPrefixes = ["ZNAXIS", "ZTILE", "ZNAME", "ZVAL"]

    static func isStructural(_ keyword: String, kind: Kind) -> Bool {
        if always.contains(keyword) || isIndexed(keyword, by: ["NAXIS"]) { return true }
        switch kind {
        // The pixels are read in physical units, so the scaling is done.
        case .image: return ["BSCALE", "BZERO"].contains(keyword)
        case .compressedImage:
            return ["BSCALE", "BZERO"].contains(keyword) || compression.contains(keyword)
                || isIndexed(keyword, by: compressionPrefixes) || isIndexed(keyword, by: columnPrefixes)
        case .table: return isIndexed(keyword, by: columnPrefixes)
        }
    }

    enum Kind { case image, compressedImage, table }

    private static func isIndexed(_ keyword: String, by prefixes: [String]) -> Bool {
        prefixes.contains { prefix in
            keyword.hasPrefix(prefix) && keyword.utf8.count > prefix.utf8.count
                && keyword.utf8.dropFirst(prefix.utf8.count).allSatisfy { (48...57).contains($0) }
        }
    }
}
