/// What is known of a dataset, and whether its files are there. The bits are those of the Python software.
public struct DatasetExistence: OptionSet, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Neither registry nor datastore know the dataset.
    public static let unrecognized: DatasetExistence = []
    /// The registry knows the dataset.
    public static let recorded = DatasetExistence(rawValue: 1)
    /// A datastore has records of the dataset.
    public static let datastore = DatasetExistence(rawValue: 2)
    /// The files were seen.
    public static let artifact = DatasetExistence(rawValue: 4)
    /// The files were not looked for.
    public static let assumed = DatasetExistence(rawValue: 8)

    /// Known to registry and datastore; the files were not looked for (`KNOWN` in Python).
    public static let unverified: DatasetExistence = [.recorded, .datastore, .assumed]
    /// Known to registry and datastore, with all files there.
    public static let verified: DatasetExistence = [.recorded, .datastore, .artifact]

    /// Whether the dataset can be expected to be readable: what Python's `bool()` says.
    public var isPresent: Bool { self == .unverified || self == .verified }

    public var description: String {
        switch self {
        case .unrecognized: "UNRECOGNIZED"
        case .unverified: "KNOWN"
        case .verified: "VERIFIED"
        default:
            [
                (Self.recorded, "RECORDED"), (.datastore, "DATASTORE"), (.artifact, "_ARTIFACT"),
                (.assumed, "_ASSUMED"),
            ].filter { contains($0.0) }.map(\.1).joined(separator: "|")
        }
    }
}
