// The byte form of regions: a type letter, then little-endian doubles. A polygon has its vertices; a union or an
// intersection has for each operand an unsigned 64 bit length and the encoded operand.

extension Region {
    /// How many unions and intersections may lie within each other.
    static let maximumNesting = 32

    /// Reads the byte form. Vectors are taken as they are; nested compounds of one kind are flattened, and latitudes
    /// of a box are clipped, as upstream does.
    ///
    /// Cost: linear in the number of bytes.
    ///
    /// - Throws: `RegionDecodingError` for anything that upstream would not write: wrong lengths, numbers that are not
    ///   finite (an empty box may have NaN longitudes, an ellipse infinite tangents), vectors that are not of length
    ///   one, or more than 32 levels of nesting.
    public init(decoding bytes: some Collection<UInt8>) throws(RegionDecodingError) {
        if let array = bytes as? [UInt8] {
            self = try RegionDecoder(bytes: array).region(0..<array.count, depth: 0)
        } else {
            let array = Array(bytes)
            self = try RegionDecoder(bytes: array).region(0..<array.count, depth: 0)
        }
    }

    /// The byte form, equal to upstream's bit for bit.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return bytes
    }

    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .box(let box):
            bytes.append(UInt8(ascii: "b"))
            bytes.append(box.lon.a.radians)
            bytes.append(box.lon.b.radians)
            bytes.append(box.lat.radians.lower)
            bytes.append(box.lat.radians.upper)
        case .circle(let circle):
            bytes.append(UInt8(ascii: "c"))
            bytes.append(circle.center.vector)
            bytes.append(circle.squaredChordLength)
            bytes.append(circle.openingAngle.radians)
        case .ellipse(let ellipse):
            bytes.append(UInt8(ascii: "e"))
            bytes.append(ellipse.rows.0)
            bytes.append(ellipse.rows.1)
            bytes.append(ellipse.rows.2)
            for value in [ellipse.a, ellipse.b, ellipse.gamma, ellipse.tanA, ellipse.tanB] { bytes.append(value) }
        case .polygon(let polygon):
            bytes.reserveCapacity(bytes.count + 1 + 24 * polygon.vertices.count)
            bytes.append(UInt8(ascii: "p"))
            for vertex in polygon.vertices { bytes.append(vertex.vector) }
        case .union(let union):
            bytes.append(UInt8(ascii: "u"))
            Region.encode(operands: union.operands, into: &bytes)
        case .intersection(let intersection):
            bytes.append(UInt8(ascii: "i"))
            Region.encode(operands: intersection.operands, into: &bytes)
        }
    }

    private static func encode(operands: [Region], into bytes: inout [UInt8]) {
        for operand in operands {
            let start = bytes.count
            bytes.append(littleEndian: 0)
            operand.encode(into: &bytes)
            let length = UInt64(bytes.count - start - 8)
            for i in 0..<8 { bytes[start + i] = UInt8(truncatingIfNeeded: length >> (8 * UInt64(i))) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian word: UInt64) {
        Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(_ value: Double) { append(littleEndian: value.bitPattern) }

    fileprivate mutating func append(_ v: Vector3) {
        append(v.x)
        append(v.y)
        append(v.z)
    }
}

private struct RegionDecoder {
    let bytes: [UInt8]

    private func word(_ at: Int) -> UInt64 {
        bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
    }

    private func double(_ at: Int) -> Double { Double(bitPattern: word(at)) }

    private func vector(_ at: Int) -> Vector3 { Vector3(double(at), double(at + 8), double(at + 16)) }

    func region(_ range: Range<Int>, depth: Int) throws(RegionDecodingError) -> Region {
        guard let first = range.first else { throw .empty }
        switch bytes[first] {
        case UInt8(ascii: "b"): return .box(try box(range))
        case UInt8(ascii: "c"): return .circle(try circle(range))
        case UInt8(ascii: "e"): return .ellipse(try ellipse(range))
        case UInt8(ascii: "p"): return .polygon(try polygon(range))
        case UInt8(ascii: "u"): return .union(UnionRegion(try operands(range, depth: depth)))
        case UInt8(ascii: "i"): return .intersection(IntersectionRegion(try operands(range, depth: depth)))
        case let byte: throw .unknownType(byte: byte)
        }
    }

    private func box(_ range: Range<Int>) throws(RegionDecodingError) -> Box {
        try check(range, "Box", length: 33)
        let start = range.lowerBound + 1
        let (west, east) = (double(start), double(start + 8))
        let (south, north) = (double(start + 16), double(start + 24))
        // NaN for both longitudes is how an empty box is written.
        if !(west.isNaN && east.isNaN) {
            guard west.isFinite, east.isFinite else { throw .notFinite(region: "Box", field: "longitude") }
        }
        guard south.isFinite, north.isFinite else { throw .notFinite(region: "Box", field: "latitude") }
        guard let lon = NormalizedAngleInterval.reduced(west, east) else { throw .invalidLongitudeRange(west, east) }
        return Box(lon: lon, lat: AngleInterval(radians: south, north))
    }

    private func circle(_ range: Range<Int>) throws(RegionDecodingError) -> Circle {
        try check(range, "Circle", length: 41)
        let start = range.lowerBound + 1
        let center = try direction(start, "Circle", "center")
        let chord = double(start + 24)
        let angle = double(start + 32)
        guard chord.isFinite else { throw .notFinite(region: "Circle", field: "squared chord length") }
        guard angle.isFinite else { throw .notFinite(region: "Circle", field: "opening angle") }
        return Circle(unchecked: center, squaredChordLength: chord, openingAngle: angle)
    }

    private func ellipse(_ range: Range<Int>) throws(RegionDecodingError) -> Ellipse {
        try check(range, "Ellipse", length: 113)
        let start = range.lowerBound + 1
        let b0 = try direction(start, "Ellipse", "major axis")
        let b1 = try direction(start + 24, "Ellipse", "minor axis")
        let b2 = try direction(start + 48, "Ellipse", "center")
        let (a, b, gamma) = (double(start + 72), double(start + 80), double(start + 88))
        let (tanA, tanB) = (double(start + 96), double(start + 104))
        guard a.isFinite, b.isFinite, gamma.isFinite else { throw .notFinite(region: "Ellipse", field: "axis") }
        // The tangents of an empty or full ellipse are infinite.
        guard !tanA.isNaN, !tanB.isNaN else { throw .notFinite(region: "Ellipse", field: "tangent") }
        return Ellipse(
            rows: (b0.vector, b1.vector, b2.vector), a: a, b: b, gamma: gamma, tanA: tanA, tanB: tanB)
    }

    private func polygon(_ range: Range<Int>) throws(RegionDecodingError) -> ConvexPolygon {
        guard range.count >= 73, (range.count - 1) % 24 == 0 else {
            throw .wrongLength(region: "ConvexPolygon", bytes: range.count, expected: "1 + 24n with n ≥ 3")
        }
        var vertices: [UnitVector] = []
        vertices.reserveCapacity((range.count - 1) / 24)
        for at in stride(from: range.lowerBound + 1, to: range.upperBound, by: 24) {
            vertices.append(try direction(at, "ConvexPolygon", "vertex"))
        }
        return ConvexPolygon(unchecked: vertices)
    }

    private func operands(_ range: Range<Int>, depth: Int) throws(RegionDecodingError) -> [Region] {
        guard depth < Region.maximumNesting else { throw .nestedTooDeeply(limit: Region.maximumNesting) }
        var operands: [Region] = []
        var at = range.lowerBound + 1
        while at < range.upperBound {
            guard range.upperBound - at >= 8 else { throw .truncatedOperand(operand: operands.count) }
            let length = word(at)
            at += 8
            guard length <= UInt64(range.upperBound - at) else { throw .truncatedOperand(operand: operands.count) }
            let end = at + Int(length)
            operands.append(try region(at..<end, depth: depth + 1))
            at = end
        }
        return operands
    }

    private func check(_ range: Range<Int>, _ region: String, length: Int) throws(RegionDecodingError) {
        guard range.count == length else {
            throw .wrongLength(region: region, bytes: range.count, expected: "\(length)")
        }
    }

    private func direction(_ at: Int, _ region: String, _ field: String) throws(RegionDecodingError) -> UnitVector {
        let v = vector(at)
        guard v.isFinite else { throw .notFinite(region: region, field: field) }
        // Wide enough for vectors that went through single precision.
        guard abs(v.squaredNorm - 1.0) < 1e-6 else { throw .notAUnitVector(region: region, field: field) }
        return UnitVector(unchecked: v)
    }
}
