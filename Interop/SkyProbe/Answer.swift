import SkyGeometry

private func hexadecimal(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
}

func write(_ value: Double) -> String { hexadecimal(value.bitPattern, digits: 16) }

func write(_ v: UnitVector) -> String { [v.x, v.y, v.z].map(write).joined(separator: " ") }

func write(_ region: Region) -> String {
    region.encoded().map { hexadecimal(UInt64($0), digits: 2) }.joined()
}

func write(_ overlap: Overlap) -> String {
    switch overlap {
    case .yes: "yes"
    case .no: "no"
    case .unknown: "unknown"
    }
}

func write(_ set: RangeSet) -> String {
    set.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
}
