import Foundation

/// Durations and quantities in the spelling of the programs that this one replaces.
enum GoText {
    /// `1h2m3.5s`, `250ms`: seconds; `nil` for what is none, and for more than 292 years, as in Go.
    static func seconds(_ text: String) -> Double? {
        var rest = Substring(text)
        let sign: Double = rest.hasPrefix("-") ? -1 : 1
        if rest.hasPrefix("-") || rest.hasPrefix("+") { rest.removeFirst() }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { return nil }
        let units: [(name: String, seconds: Double)] = [
            ("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600),
        ]
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let number = Double(digits) else { return nil }
            rest = rest[digits.endIndex...]
            let name = rest.prefix { !$0.isNumber && $0 != "." }
            guard let unit = units.first(where: { $0.name == name }) else { return nil }
            total += number * unit.seconds
            rest = rest[name.endIndex...]
        }
        return total < 9.2e9 ? sign * total : nil
    }

    /// A quantity of Kubernetes: `5Mi`, `100M`, `1e6`; `nil` for what is none.
    static func quantity(_ text: String) -> Int64? {
        let suffixes: [(name: String, factor: Double)] = [
            ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776), ("k", 1e3), ("M", 1e6),
            ("G", 1e9), ("T", 1e12),
        ]
        let suffix = suffixes.first { text.hasSuffix($0.name) }
        guard let number = Double(text.dropLast(suffix?.name.count ?? 0)), number.isFinite else { return nil }
        return Int64(exactly: (number * (suffix?.factor ?? 1)).rounded(.up))
    }

    /// As Go prints a duration: `6.18954ms`, `1m2.5s`.
    static func duration(_ seconds: Double) -> String {
        let nanoseconds = Int64((seconds * 1e9).rounded())
        if nanoseconds == 0 { return "0s" }
        func short(_ value: Int64, _ unit: Int64, _ name: String) -> String {
            let (whole, part) = value.quotientAndRemainder(dividingBy: unit)
            guard part != 0 else { return "\(whole)\(name)" }
            var digits = String(part)
            digits = String(repeating: "0", count: String(unit).count - 1 - digits.count) + digits
            while digits.last == "0" { digits.removeLast() }
            return "\(whole).\(digits)\(name)"
        }
        if nanoseconds < 1000 { return "\(nanoseconds)ns" }
        if nanoseconds < 1_000_000 { return short(nanoseconds, 1000, "µs") }
        if nanoseconds < 1_000_000_000 { return short(nanoseconds, 1_000_000, "ms") }
        let (minutes, rest) = nanoseconds.quotientAndRemainder(dividingBy: 60_000_000_000)
        let tail = short(rest, 1_000_000_000, "s")
        if minutes == 0 { return tail }
        return minutes < 60 ? "\(minutes)m\(tail)" : "\(minutes / 60)h\(minutes % 60)m\(tail)"
    }
}
