import SkyGeometry

/// The words of a line, read one after the other.
struct Question {
    private var words: ArraySlice<Substring>

    init(_ line: String) { words = line.split(separator: " ")[...] }

    mutating func word() throws -> String {
        guard let word = words.popFirst() else { throw ProbeError.badQuestion("the line ends too early") }
        return String(word)
    }

    mutating func rest() throws -> String {
        defer { words = [] }
        return words.joined(separator: " ")
    }

    mutating func integer() throws -> UInt64 {
        let word = try word()
        guard let value = UInt64(word) else { throw ProbeError.badQuestion("'\(word)' is no integer") }
        return value
    }

    mutating func double() throws -> Double {
        let word = try word()
        guard let bits = UInt64(word, radix: 16) else { throw ProbeError.badQuestion("'\(word)' is no double") }
        return Double(bitPattern: bits)
    }

    mutating func direction() throws -> UnitVector {
        try UnitVector(try double(), try double(), try double())
    }

    mutating func region() throws -> Region {
        let word = try word()
        let digits = Array(word.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for i in stride(from: 0, to: digits.count - 1, by: 2) {
            guard let byte = UInt8(String(decoding: digits[i..<(i + 2)], as: UTF8.self), radix: 16) else {
                throw ProbeError.badQuestion("a region is not hexadecimal")
            }
            bytes.append(byte)
        }
        return try Region(decoding: bytes)
    }

    mutating func pixelization() throws -> any Pixelization {
        let kind = try PixelizationKind(className: "lsst.sphgeom." + (try word()))
        return try kind.pixelization(level: Int(try integer()))
    }

    /// A region from its parameters.
    mutating func construction() throws -> Region {
        switch try word() {
        case "circle": return .circle(Circle(center: try direction(), openingAngle: try angle()))
        case "box":
            let a = try LonLat(lon: NormalizedAngle(radians: try double()), lat: try angle())
            let b = try LonLat(lon: NormalizedAngle(radians: try double()), lat: try angle())
            return .box(Box(a, b))
        case "centeredbox":
            let center = try LonLat(lon: NormalizedAngle(radians: try double()), lat: try angle())
            return .box(Box(center: center, halfWidth: try angle(), halfHeight: try angle()))
        case "rangebox":
            let lon = try NormalizedAngleInterval(radians: try double(), try double())
            return .box(Box(lon: lon, lat: AngleInterval(try angle(), try angle())))
        case "polygon":
            var points: [UnitVector] = []
            while !words.isEmpty { points.append(try direction()) }
            return .polygon(try ConvexPolygon(hullOf: points))
        case "foci":
            return .ellipse(try Ellipse(focus: try direction(), focus: try direction(), alpha: try angle()))
        case "ellipse":
            return .ellipse(
                try Ellipse(
                    center: try direction(), alpha: try angle(), beta: try angle(), orientation: try angle()))
        case "pos": return try Region(ivoaPosition: try rest())
        case let shape: throw ProbeError.badQuestion("unknown shape '\(shape)'")
        }
    }

    private mutating func angle() throws -> Angle { Angle(radians: try double()) }
}
