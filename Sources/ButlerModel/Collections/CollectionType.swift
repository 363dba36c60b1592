/// The four kinds of collection. The raw value is what databases and messages hold.
public enum CollectionType: Int, Sendable, CaseIterable, CustomStringConvertible {
    /// Holds datasets from birth; each dataset belongs to exactly one run.
    case run = 1
    /// Groups datasets of any runs, at most one per dataset type and data ID.
    case tagged = 2
    /// An ordered list of other collections.
    case chained = 3
    /// Groups datasets with validity ranges.
    case calibration = 4

    /// The upper-case name of the field: `RUN`.
    public var description: String {
        switch self {
        case .run: "RUN"
        case .tagged: "TAGGED"
        case .chained: "CHAINED"
        case .calibration: "CALIBRATION"
        }
    }

    /// The type with this name, in either case.
    public init?(name: String) {
        let wanted = name.uppercased()
        guard let found = Self.allCases.first(where: { $0.description == wanted }) else { return nil }
        self = found
    }
}
