import ButlerModel
import Database
import SkyGeometry

/// What fills the columns of an ObsCore table that say where on the sky a dataset is.
///
/// Source: VO services reference, sections 1.2 and 1.3.
enum ObsCoreSpatial: Sendable, Hashable {
    /// `s_ra`, `s_dec`, `s_fov` in degrees and `s_region` as text.
    case standard
    /// A polygon and a point of PostgreSQL's extension pg_sphere.
    case pgSphere(region: String, position: String)

    private static let package = "lsst.daf.butler.registry.obscore."

    /// The plug-ins that a configuration names, and the standard one where it does not.
    /// - Throws: ``RegistryError/unsupportedManager(kind:className:)`` for a class that is not known here.
    static func all(_ configured: [ObsCoreConfiguration.PlugIn]) throws(RegistryError) -> [ObsCoreSpatial] {
        var found: [ObsCoreSpatial] = []
        for plugIn in configured {
            switch plugIn.className {
            case package + "default_spatial.DefaultSpatialObsCorePlugin": found.append(.standard)
            case package + "pgsphere.PgSphereObsCorePlugin":
                found.append(
                    .pgSphere(
                        region: plugIn.options["region_column"]?.stringValue ?? "pgsphere_region",
                        position: plugIn.options["position_column"]?.stringValue ?? "pgsphere_position"))
            default: throw .unsupportedManager(kind: "obscore spatial plug-in", className: plugIn.className)
            }
        }
        return found.contains(.standard) ? found : [.standard] + found
    }

    var columns: [ColumnSpecification] {
        switch self {
        case .standard:
            ["s_ra", "s_dec", "s_fov"].map { ColumnSpecification($0, .double, isNullable: true) }
                + [ColumnSpecification("s_region", .string(length: 65535), isNullable: true)]
        case .pgSphere(let region, let position):
            [
                ColumnSpecification(region, .skyPolygon, isNullable: true),
                ColumnSpecification(position, .skyPoint, isNullable: true),
            ]
        }
    }

    var indexedColumns: [String] {
        switch self {
        case .standard: []
        case .pgSphere(let region, let position): [region, position]
        }
    }

    func values(_ polygon: ConvexPolygon) -> [String: SQLValue] {
        let circle = polygon.boundingCircle
        let center = LonLat(circle.center)
        let corners = polygon.vertices.map { LonLat($0) }
        switch self {
        case .standard:
            let numbers = corners.flatMap { [$0.lon.degrees, $0.lat.degrees] }
            let text = (["POLYGON ICRS"] + numbers.map(Self.sixDecimals)).joined(separator: " ")
            return [
                "s_ra": .double(center.lon.degrees), "s_dec": .double(center.lat.degrees),
                "s_fov": .double(circle.openingAngle.degrees * 2), "s_region": .text(text),
            ]
        case .pgSphere(let region, let position):
            return [
                position: .text(Self.point(center)),
                region: .text("{" + corners.map(Self.point).joined(separator: ",") + "}"),
            ]
        }
    }

    private static func sixDecimals(_ number: Double) -> String {
        (try? FormatValue.float(number).formatted(".6f")) ?? String(number)
    }

    /// In radians.
    private static func point(_ place: LonLat) -> String {
        "(\(PythonText.shortest(place.lon.radians)),\(PythonText.shortest(place.lat.radians)))"
    }
}
