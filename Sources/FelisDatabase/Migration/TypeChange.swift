import Felis

/// Whether values survive when a column gets another type.
enum TypeChange {
    /// Why values may be lost; `nil` if every value of the old type is one of the new.
    static func loss(from old: Column, to new: Column) -> String? {
        if old.datatype == new.datatype {
            if let length = new.length, let before = old.length, length < before, old.datatype.isSized {
                return "values longer than \(length) are cut or refused"
            }
            if old.datatype == .timestamp, let digits = new.precision, digits < (old.precision ?? 6) {
                return "fractions of seconds are rounded"
            }
            return nil
        }
        let widenings: [Datatype: [Datatype]] = [
            .byte: [.short, .int, .long, .float, .double], .short: [.int, .long, .float, .double],
            .int: [.long, .double], .float: [.double], .char: [.string, .unicode, .text],
            .string: [.unicode, .text], .unicode: [.text],
        ]
        guard widenings[old.datatype]?.contains(new.datatype) ?? false else {
            return "not every \(old.datatype.rawValue) is a \(new.datatype.rawValue)"
        }
        if new.datatype.isSized, let length = new.length, let before = old.length, length < before {
            return "values longer than \(length) are cut or refused"
        }
        return nil
    }
}
