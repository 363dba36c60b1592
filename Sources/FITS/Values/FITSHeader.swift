/// The value of a header card.
public enum FITSValue: Sendable, Hashable {
    case bool(Bool)
    case int(Int64)
    /// Must be finite: FITS has no spelling for NaN and infinity.
    case float(Double)
    /// ASCII text of any length (longer ones continue on CONTINUE cards). Trailing blanks carry no meaning in FITS and
    /// are dropped when reading.
    case string(String)
    /// A keyword without a value.
    case undefined
    /// The text of a COMMENT, HISTORY or blank card.
    case commentary(String)
}

/// One card of a header: keyword (upper case, HIERARCH keywords without that word), value, comment.
public struct FITSCard: Sendable, Hashable {
    public let keyword: String
    public var value: FITSValue
    public var comment: String

    public init(_ keyword: String, _ value: FITSValue, comment: String = "") {
        let name = keyword.uppercased()
        self.keyword = name.hasPrefix("HIERARCH ") ? String(name.dropFirst(9)) : name
        self.value = value
        self.comment = comment
    }
}

/// The cards of an HDU, in the order of the file, without the structural keywords (`SIMPLE`, `BITPIX`, `NAXIS…`,
/// `TFORM…`, `ZCMPTYPE`, `CHECKSUM`, the integer-offset forms of `BZERO`, …), which the writer derives from the data.
///
/// Reading a value by keyword takes the last card with it, as `lsst.daf.base.PropertyList` and cfitsio users expect of
/// overridden keywords; setting replaces the value of that card or appends a card. Lookup is O(number of cards).
public struct FITSHeader: Sendable, Hashable {
    public var cards: [FITSCard]

    public init(_ cards: [FITSCard] = []) { self.cards = cards }

    public subscript(keyword: String) -> FITSValue? {
        get { card(keyword)?.value }
        set {
            let name = FITSCard(keyword, .undefined).keyword
            guard let newValue else {
                cards.removeAll { $0.keyword == name }
                return
            }
            if let index = cards.lastIndex(where: { $0.keyword == name }) {
                cards[index].value = newValue
            } else {
                cards.append(FITSCard(name, newValue))
            }
        }
    }

    public func card(_ keyword: String) -> FITSCard? {
        let name = FITSCard(keyword, .undefined).keyword
        return cards.last { $0.keyword == name }
    }

    /// Replaces the card with this keyword, or appends it.
    public mutating func set(_ keyword: String, _ value: FITSValue, comment: String) {
        self[keyword] = value
        let name = FITSCard(keyword, .undefined).keyword
        if let index = cards.lastIndex(where: { $0.keyword == name }) { cards[index].comment = comment }
    }

    /// Adds a COMMENT or HISTORY card after the others; long texts take several cards.
    public mutating func append(commentary text: String, keyword: String = "COMMENT") {
        cards.append(FITSCard(keyword, .commentary(text)))
    }

    /// The texts of all COMMENT (or HISTORY) cards.
    public func commentary(_ keyword: String = "COMMENT") -> [String] {
        cards.compactMap { card in
            if card.keyword == keyword, case .commentary(let text) = card.value { text } else { nil }
        }
    }

    // MARK: Typed reading

    public func bool(_ keyword: String) -> Bool? { if case .bool(let value)? = self[keyword] { value } else { nil } }

    public func int(_ keyword: String) -> Int64? { if case .int(let value)? = self[keyword] { value } else { nil } }

    /// A floating-point or integer value.
    public func double(_ keyword: String) -> Double? {
        switch self[keyword] {
        case .float(let value)?: value
        case .int(let value)?: Double(value)
        default: nil
        }
    }

    public func string(_ keyword: String) -> String? {
        if case .string(let value)? = self[keyword] { value } else { nil }
    }
}
