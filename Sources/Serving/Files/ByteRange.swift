/// What a `Range` header asks for (RFC 9110, section 14). Only a single range of bytes is honoured; anything else is
/// treated as absent, which the standard allows.
enum ByteRange: Equatable {
    /// The whole file, status 200.
    case whole
    /// These bytes, status 206. Never empty.
    case part(Range<Int64>)
    /// Nothing of the file, status 416.
    case unsatisfiable

    init(header: String?, size: Int64) {
        guard let header, let equals = header.firstIndex(of: "="),
            header[..<equals].lowercased().filter({ $0 != " " }) == "bytes"
        else {
            self = .whole
            return
        }
        let specification = header[header.index(after: equals)...].filter { $0 != " " && $0 != "\t" }
        let halves = specification.split(separator: "-", omittingEmptySubsequences: false)
        guard halves.count == 2, let first = Self.number(halves[0]), let last = Self.number(halves[1]) else {
            self = .whole
            return
        }
        switch (first, last) {
        case (nil, nil): self = .whole
        case (nil, let suffix?):
            self = suffix == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - suffix)..<size)
        case (let first?, nil): self = first < size ? .part(first..<size) : .unsatisfiable
        case (let first?, let last?):
            if last < first {
                self = .whole
            } else {
                self = first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
            }
        }
    }

    /// `.some(nil)` for absent digits, `nil` for anything but digits. Numbers beyond the range of 64 bits saturate.
    private static func number(_ digits: Substring) -> Int64?? {
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        if digits.isEmpty { return .some(nil) }
        return .some(Int64(digits) ?? .max - 1)
    }
}
