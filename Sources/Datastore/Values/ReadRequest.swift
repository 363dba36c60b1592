import FITS
import Tables

/// Which part of a dataset is read, and as what.
public struct ReadRequest: Sendable, Hashable {
    /// A component; `nil` for the whole, or for the component that the reference names.
    public var component: String?
    public var parameters: ReadParameters
    /// The storage class to read it as; `nil` for the recorded one.
    public var storageClass: String?

    public init(
        component: String? = nil, parameters: ReadParameters = ReadParameters(), storageClass: String? = nil
    ) {
        self.component = component
        self.parameters = parameters
        self.storageClass = storageClass
    }
}

/// What is cut out of a dataset while it is read. Each parameter must be one of the storage class.
public struct ReadParameters: Sendable, Hashable {
    /// Part of an image: half-open ranges of columns and rows.
    public var bbox: PixelBox?
    /// What the box counts from.
    public var origin: PixelFrame
    /// Some columns of a table: names, and patterns with `*`, `?` and `[…]`; case counts.
    public var columns: [String]?
    /// The rows of a table that fulfil all conditions of one of these groups; all without groups. The columns need not be
    /// among `columns`.
    public var filters: [[TableFilter]]
    /// Whether a table loses what astropy kept with it: `meta` and formats. Python's readers lose that unless told not to.
    public var stripsAstropyMetadata: Bool

    public init(
        bbox: PixelBox? = nil, origin: PixelFrame = .parent, columns: [String]? = nil, filters: [[TableFilter]] = [],
        stripsAstropyMetadata: Bool = false
    ) {
        self.bbox = bbox
        self.origin = origin
        self.columns = columns
        self.filters = filters
        self.stripsAstropyMetadata = stripsAstropyMetadata
    }

    /// The names of the parameters that are set, as storage classes call them.
    var names: [String] {
        (bbox == nil ? [] : origin == .parent ? ["bbox"] : ["bbox", "origin"]) + (columns == nil ? [] : ["columns"])
            + (filters.isEmpty ? [] : ["filters"]) + (stripsAstropyMetadata ? ["strip_astropy_meta_yaml"] : [])
    }
}
