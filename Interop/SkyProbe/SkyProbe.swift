import SkyGeometry

/// Answers questions about sky geometry, one per line on standard input with one line on standard output, so that
/// another implementation can be compared bit by bit.
///
/// Doubles are written as the 16 hexadecimal digits of their bits, regions as the hexadecimal digits of their byte
/// form, ranges as `begin-end` joined by commas. A question that cannot be answered gets `error` and the reason.
@main
struct SkyProbe {
    static func main() {
        while let line = readLine() {
            do {
                print(try answer(Question(line)))
            } catch {
                print("error \(error)")
            }
        }
    }

    static func answer(_ question: Question) throws -> String {
        var question = question
        switch try question.word() {
        case "unit": return write(try question.direction())
        case "lonlat":
            let (lon, lat) = (try question.double(), try question.double())
            let p = try LonLat(lon: NormalizedAngle(radians: lon), lat: Angle(radians: lat))
            return write(UnitVector(p))
        case "make": return write(try question.construction())
        case "decode": return write(try question.region())
        case "text": return write(try Region(base64: try question.rest()))
        case "expression": return write(try Overlap(expression: try question.rest()))
        case "contains": return try question.region().contains(try question.direction()) ? "1" : "0"
        case "relate":
            let (a, b) = (try question.region(), try question.region())
            return "\(a.relate(to: b).rawValue) \(write(a.overlaps(b)))"
        case "bounds":
            let region = try question.region()
            let box3 = region.boundingBox3
            let sides = [box3.x, box3.y, box3.z].flatMap { [$0.lower, $0.upper] }
            let parts = [write(.box(region.boundingBox)), write(.circle(region.boundingCircle))] + sides.map(write)
            return parts.joined(separator: " ")
        case "area":
            switch try question.region() {
            case .box(let box): return write(box.area)
            case .circle(let circle): return write(circle.area)
            default: throw ProbeError.badQuestion("only boxes and circles have an area")
            }
        case "index": return String(try question.pixelization().index(of: try question.direction()))
        case "pixel": return write(try question.pixelization().pixel(try question.integer()))
        case "name": return try question.pixelization().name(of: try question.integer())
        case "universe": return write(try question.pixelization().universe)
        case "envelope":
            let pixelization = try question.pixelization()
            let maxRanges = Int(try question.integer() as UInt64)
            return write(try pixelization.envelope(of: try question.region(), maxRanges: maxRanges))
        case "interior":
            let pixelization = try question.pixelization()
            let maxRanges = Int(try question.integer() as UInt64)
            return write(try pixelization.interior(of: try question.region(), maxRanges: maxRanges))
        case let verb: throw ProbeError.badQuestion("unknown verb '\(verb)'")
        }
    }
}

enum ProbeError: Error, CustomStringConvertible {
    case badQuestion(String)

    var description: String {
        switch self {
        case .badQuestion(let problem): "Bad question: \(problem)."
        }
    }
}
