extension Region {
    /// Parses a POS string of the IVOA's SIA protocol 2.0, section 2.1: `CIRCLE lon lat radius`,
    /// `RANGE lon1 lon2 lat1 lat2` (±Inf for no bound) or `POLYGON lon1 lat1 …` with three or more points, in degrees.
    ///
    /// A range with lon1 > lon2 crosses longitude zero; a polygon is the convex hull of its points.
    ///
    /// - Throws: `SkyGeometryError`, `.invalidPosition` for the text, others for what it describes.
    public init(ivoaPosition text: String) throws(SkyGeometryError) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard let shape = words.first else { throw .invalidPosition(text, problem: "it is empty") }
        var numbers: [Double] = []
        for word in words.dropFirst() {
            guard let number = Region.number(word) else {
                throw .invalidPosition(text, problem: "'\(word)' is not a number")
            }
            numbers.append(number)
        }
        func require(_ holds: Bool, _ expected: String) throws(SkyGeometryError) {
            guard holds else {
                throw .invalidPosition(text, problem: "\(shape) has \(numbers.count) numbers but needs \(expected)")
            }
        }
        switch shape {
        case "CIRCLE":
            try require(numbers.count == 3, "3")
            let center = try Region.point(numbers[0], numbers[1], text)
            guard numbers[2].isFinite else { throw .invalidPosition(text, problem: "the radius is not finite") }
            self = .circle(Circle(center: UnitVector(center), openingAngle: Angle(degrees: numbers[2])))
        case "RANGE":
            try require(numbers.count == 4, "4")
            let lons = numbers[..<2].map { $0.isInfinite ? ($0 > 0.0 ? 360.0 : 0.0) : $0 }
            let lats = numbers[2...].map { $0.isInfinite ? ($0 > 0.0 ? 90.0 : -90.0) : $0 }
            self = .box(
                Box(try Region.point(lons[0], lats[0], text), try Region.point(lons[1], lats[1], text)))
        case "POLYGON":
            try require(numbers.count >= 6 && numbers.count % 2 == 0, "an even number of at least 6")
            var points: [UnitVector] = []
            for i in stride(from: 0, to: numbers.count, by: 2) {
                points.append(UnitVector(try Region.point(numbers[i], numbers[i + 1], text)))
            }
            self = .polygon(try ConvexPolygon(hullOf: points))
        default:
            throw .invalidPosition(text, problem: "the shape is not CIRCLE, RANGE or POLYGON")
        }
    }

    private static func point(_ lon: Double, _ lat: Double, _ text: String) throws(SkyGeometryError) -> LonLat {
        guard lon.isFinite, lat.isFinite else { throw .invalidPosition(text, problem: "an angle is not finite") }
        return try LonLat(lonDegrees: lon, latDegrees: lat)
    }

    /// A decimal number or an infinity; Swift alone would also take hexadecimal numbers.
    private static func number(_ word: Substring) -> Double? {
        if word.contains(where: { $0 == "x" || $0 == "X" }) { return nil }
        return Double(word)
    }
}
