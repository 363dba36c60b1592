import Foundation
import StructuredData

/// Numbers cut to the digits that mean something.
enum Decimals {
    static func round(_ value: Double, _ digits: Int) -> Double {
        let factor = pow(10, Double(digits))
        return (value * factor).rounded() / factor
    }

    /// A number for JSON and YAML; null for `nil`.
    static func value(_ value: Double?, _ digits: Int) -> StructuredValue {
        value.map { .float(round($0, digits)) } ?? .null
    }
}
