import AstroTime
import ButlerModel
import ByteText
import SkyGeometry

extension QueryLiteral: CustomStringConvertible {
    /// As the expression language writes it, where it can. Times are in TAI and say so, angles in degrees.
    public var description: String {
        switch self {
        case .int(let number): String(number)
        case .string(let text): "'\(text)'"
        case .float(let number): "\(number)"
        case .hash(let bytes): "(hash \(Hexadecimal.encode(bytes)))"
        case .uuid(let id): "UUID('\(id)')"
        case .datetime(let time): Self.text(time)
        case .timespan(let span): Self.text(span)
        case .region(let region): (try? region.decoded())?.expressionText ?? "(damaged region)"
        }
    }

    private static func text(_ time: TAINanoseconds) -> String { "T'\(time)/tai'" }

    private static func text(_ span: Timespan) -> String {
        guard !span.isEmpty else { return "(empty timespan)" }
        let begin = span.hasUnboundedBegin ? "NULL" : text(span.begin)
        return "(\(begin), \(span.hasUnboundedEnd ? "NULL" : text(span.end)))"
    }
}

extension Region {
    /// The most vertices that are shown.
    private static let shownVertices = 20

    /// A region literal of the expression language for circles, boxes and polygons of a few vertices; other regions in
    /// words.
    var expressionText: String {
        switch self {
        case .circle(let circle):
            if circle.isEmpty { return "(empty region)" }
            let center = LonLat(circle.center)
            guard circle.openingAngle.radians > 0 else { return "POINT(\(center.text))" }
            // Not `CIRCLE(…)`, whose opening angle is twice the number given.
            return "REGION('CIRCLE \(center.lon.degrees) \(center.lat.degrees) \(circle.openingAngle.degrees)')"
        case .box(let box):
            if box.isEmpty { return "(empty region)" }
            let lon = box.lon.isFull ? "0.0 360.0" : "\(box.lon.a.degrees) \(box.lon.b.degrees)"
            return "REGION('RANGE \(lon) \(box.lat.lower.degrees) \(box.lat.upper.degrees)')"
        case .polygon(let polygon):
            guard polygon.vertices.count <= Self.shownVertices else {
                return "(polygon of \(polygon.vertices.count) vertices \(place))"
            }
            return "POLYGON(\(polygon.vertices.map { LonLat($0).text }.joined(separator: ", ")))"
        case .ellipse: return "(ellipse \(place))"
        case .union(let union): return Self.text(of: "union", union.operands)
        case .intersection(let intersection): return Self.text(of: "intersection", intersection.operands)
        }
    }

    private var place: String {
        let circle = boundingCircle
        return "within \(circle.openingAngle.degrees) degrees of \(LonLat(circle.center).text)"
    }

    private static func text(of kind: String, _ operands: [Region]) -> String {
        guard !operands.isEmpty else { return "(empty region)" }
        let shown = operands.prefix(4).map(\.expressionText).joined(separator: ", ")
        return "(\(kind) of \(shown)\(operands.count > 4 ? " and \(operands.count - 4) more" : ""))"
    }
}

extension LonLat {
    fileprivate var text: String { "\(lon.degrees), \(lat.degrees)" }
}
