import ButlerModel
import FITS
import StructuredData

/// Provenance in the primary header of FITS files, under `LSST BUTLER` keywords. Source: quantum reference, section 11.1.
extension FITSHeader {
    private static let provenancePrefix = "LSST BUTLER"
    /// With more inputs, headers hold only their number.
    private static let maximumInputs = 3000

    /// Replaces whatever provenance the header holds.
    mutating func setProvenance(_ provenance: DatasetProvenance, of ref: DatasetRef) {
        cards.removeAll { $0.keyword.hasPrefix(Self.provenancePrefix) }
        for (key, value) in provenance.flat(
            for: ref, prefix: Self.provenancePrefix, separator: " ", maximumInputs: Self.maximumInputs)
        {
            cards.append(FITSCard(key, FITSValue(provenance: value), comment: Self.comment(key)))
        }
    }

    private static func comment(_ key: String) -> String {
        if key.hasPrefix(provenancePrefix + " DATAID ") { return "Data identifier" }
        if key.hasSuffix(" RUN") { return "Run collection" }
        if key.hasSuffix(" ID") { return "Dataset ID" }
        if key.hasSuffix(" DATASETTYPE") { return "Dataset type" }
        return ""
    }

    /// The provenance that the header holds and the dataset that it is about; `nil` without any.
    ///
    /// - Throws: `ButlerError` of kind `malformedModel` for keywords that were damaged.
    public func provenance() throws(ButlerError) -> (provenance: DatasetProvenance, dataset: DatasetID?)? {
        try DatasetProvenance.read(
            flat: cards.compactMap { card in card.value.structured.map { (card.keyword, $0) } })
    }
}

extension FITSValue {
    fileprivate init(provenance value: StructuredValue) {
        self =
            switch value {
            case .int(let number): .int(number)
            case .float(let number) where number.isFinite: .float(number)
            case .bool(let flag): .bool(flag)
            case .string(let text): .string(Self.escaped(text))
            default: .string("\(value)")
            }
    }

    /// The text with what FITS headers cannot hold written as Python writes it in source code: `\xe9`, `\u65e5`,
    /// `\U0001f600`.
    private static func escaped(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return text }
        return text.unicodeScalars.map { scalar in
            let digits = String(scalar.value, radix: 16)
            switch scalar.value {
            case 0x20...0x7E: return String(scalar)
            case ..<0x100: return "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
            case ..<0x10000: return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }.joined()
    }

    /// `nil` for commentary.
    var structured: StructuredValue? {
        switch self {
        case .bool(let flag): .bool(flag)
        case .int(let number): .int(number)
        case .float(let number): .float(number)
        case .string(let text): .string(text)
        case .undefined: .null
        case .commentary: nil
        }
    }
}
