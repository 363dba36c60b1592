/// Bytes or text that are no encoded region.
public enum RegionDecodingError: Error, Hashable, Sendable {
    case empty
    case unknownType(byte: UInt8)
    case wrongLength(region: String, bytes: Int, expected: String)
    case truncatedOperand(operand: Int)
    case nestedTooDeeply(limit: Int)
    case notFinite(region: String, field: String)
    case notAUnitVector(region: String, field: String)
    case invalidLongitudeRange(Double, Double)
    case invalidBase64(problem: String)
    case missingAmpersand(term: Int)
}

extension RegionDecodingError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty:
            "Encoded region is empty; expected a type byte (b, c, e, p, u or i) and its data."
        case .unknownType(let byte):
            "Encoded region has type byte \(byte); expected b, c, e, p, u or i."
        case .wrongLength(let region, let bytes, let expected):
            "Encoded region (\(region)) has \(bytes) bytes; expected \(expected)."
        case .truncatedOperand(let operand):
            "Encoded compound region ends within operand \(operand); the data were cut off."
        case .nestedTooDeeply(let limit):
            "Encoded region nests unions and intersections more than \(limit) levels deep."
        case .notFinite(let region, let field):
            "Encoded region (\(region)) has a \(field) that is not a finite number; the data are damaged."
        case .notAUnitVector(let region, let field):
            "Encoded region (\(region)) has a \(field) that is not of length one; the data are damaged."
        case .invalidLongitudeRange(let a, let b):
            "Encoded Box has longitudes \(a) … \(b) rad, out of order and outside of 0 … 2π."
        case .invalidBase64(let problem):
            "Encoded region is not base64: \(problem)."
        case .missingAmpersand(let term):
            "Overlap expression has no '&' in term \(term); expected 'region&region|region&region…'."
        }
    }
}
