import TestSupport
import Testing

@testable import SkyGeometry

/// Half of the inputs are valid encodings with a few bytes changed, cut or doubled, half random bytes with a fitting
/// start; each must decode or be refused. What decodes must encode to bytes that decode to the same bytes again, and
/// some of it goes through everything that regions are asked.
@Test(arguments: 0..<8) func decoderSurvivesHostileBytes(seed: Int) async throws {
    var generator = SeededGenerator(seed: UInt64(seed) &* 0x1234_5678_9abc_def1)
    let valid = GoldenRegions.encodings.map { bytes(hexadecimal: $0.hexadecimal) }.filter { $0.count < 200 }
    let lengths = [0, 1, 2, 9, 17, 33, 41, 50, 73, 97, 113, 120]
    let types = Array("bcepui".utf8)
    let points = [UnitVector.Z, generator.direction()]
    let htm = try HTMPixelization(level: 2)
    var decoded = 0
    for round in 0..<125_000 {
        if round % 256 == 0 { await Task.yield() }
        let bits = generator.next()
        var input: [UInt8]
        if bits & 1 == 0 {
            input = valid[Int((bits >> 8) % UInt64(valid.count))]
            let place = Int((bits >> 20) & 0xffff) % input.count
            switch (bits >> 4) & 7 {
            case 0: input.removeLast(place)
            case 1: input += input
            case 2: input[place] = 0xff
            case 3: input[max(place - 1, 0)] = 0x7f
            default: input[place] ^= 1 << UInt8((bits >> 40) & 7)
            }
        } else {
            input = randomBytes(count: lengths[Int((bits >> 8) % UInt64(lengths.count))], &generator)
            if !input.isEmpty { input[0] = types[Int((bits >> 16) % 6)] }
            // A small length makes operands reachable.
            if input.count > 9 && input[0] > 0x68 && bits & 2 == 0 {
                for i in 2..<9 { input[i] = 0 }
                input[1] = UInt8(truncatingIfNeeded: bits >> 32) % 120
            }
        }
        guard let region = try? Region(decoding: input) else { continue }
        decoded += 1
        guard decoded % 64 == 0 else { continue }
        let encoded = region.encoded()
        #expect(try Region(decoding: encoded).encoded() == encoded)
        guard decoded % 1024 == 0 else { continue }
        exercise(region, with: try Region(decoding: valid[Int((bits >> 50) % UInt64(valid.count))]), points, htm)
    }
    #expect(decoded > 10_000)
}

private func randomBytes(count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: count)
    var i = 0
    while i < count {
        var word = generator.next()
        for _ in 0..<Swift.min(8, count - i) {
            result[i] = UInt8(truncatingIfNeeded: word)
            word >>= 8
            i += 1
        }
    }
    return result
}

/// Nothing that decodes may trap in what it is used for.
private func exercise(_ region: Region, with other: Region, _ points: [UnitVector], _ htm: HTMPixelization) {
    for point in points { _ = region.contains(point) }
    _ = (region.isEmpty, region.boundingBox, region.boundingCircle, region.boundingBox3, region.hashValue)
    _ = (region.relate(to: other), other.relate(to: region), region.overlaps(other), other.overlaps(region))
    #expect(htm.envelope(of: region, maxRanges: 3).isSubset(of: htm.universe))
}

@Test func textsWithHostileCharactersAreRefused() throws {
    var generator = SeededGenerator(seed: 99)
    let valid = try square(1).base64
    for _ in 0..<2_000 {
        var text = Array("\(valid)&\(valid)|\(valid):\(valid)".utf8)
        text[Int.random(in: 0..<text.count, using: &generator)] = UInt8.random(in: 0..<128, using: &generator)
        let string = String(decoding: text, as: UTF8.self)
        #expect(throws: RegionDecodingError.self) { try Region(base64: string) }
        _ = try? Overlap(expression: string)
    }
}
