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
            case .string(let text): .string(text)
            default: .string("\(value)")
            }
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
