import ButlerModel

/// What the rows of a result are, in which order, and how many. Source: query system reference, section 2.4.
public struct ResultSpecification: Sendable {
    public let kind: Kind
    public var order: [OrderTerm]
    /// The most rows; `nil` for all. Zero is legal; negative means no limit, as SQLite has it.
    public var limit: Int?
    /// Whether rows may repeat when several sky pixels relate the same pair.
    public var allowsDuplicateOverlaps: Bool

    public enum Kind: Sendable {
        case dataCoordinates(DimensionGroup, withRecords: Bool)
        /// The payload's group is the element's own: see ``records(of:in:)``.
        case dimensionRecords(DimensionElement, DimensionGroup)
        case datasetRefs(DatasetRefs)
        case general(General)
    }

    public struct DatasetRefs: Sendable {
        public var datasetType: String
        public var dimensions: DimensionGroup
        /// As the client wants it; results carry the registered one.
        public var storageClass: String
        public var withRecords: Bool
        public var findFirst: Bool

        public init(
            datasetType: String, dimensions: DimensionGroup, storageClass: String, withRecords: Bool = false,
            findFirst: Bool = true
        ) {
            self.datasetType = datasetType
            self.dimensions = dimensions
            self.storageClass = storageClass
            self.withRecords = withRecords
            self.findFirst = findFirst
        }
    }

    /// Any columns.
    public struct General: Sendable {
        public let dimensions: DimensionGroup
        /// Column indices by element, in column order; elements in universe order.
        public let dimensionFields: [(element: DimensionElement, columns: [Int])]
        /// Fields by dataset type, both in lexicographic order.
        public let datasetFields: [(datasetType: String, fields: [DatasetField])]
        public let withRecords: Bool
        public let findFirst: Bool

        /// - Throws: `ButlerError` of kind `invalidQuery`: find-first takes exactly one dataset type, fields must lie
        ///   within the dimensions, and sky pixels store no fields.
        public init(
            dimensions: DimensionGroup, dimensionFields: [DimensionElement: Set<Int>] = [:],
            datasetFields: [String: Set<DatasetField>] = [:], withRecords: Bool = false, findFirst: Bool
        ) throws(ButlerError) {
            if findFirst, datasetFields.count != 1 {
                throw ButlerError(
                    .invalidQuery,
                    "A general query with find_first=True needs exactly one dataset type; it has \(datasetFields.count).")
            }
            for (element, columns) in dimensionFields {
                guard dimensions.elements.contains(element) else {
                    throw ButlerError(
                        .invalidQuery, "Fields of '\(element)' are not available with dimensions \(dimensions).")
                }
                guard !columns.isEmpty else {
                    throw ButlerError(.invalidQuery, "The set of fields of '\(element)' is empty.")
                }
                guard element.skypix == nil else {
                    throw ButlerError(
                        .invalidQuery,
                        "Regions for skypix dimension '\(element)' are not stored; compute them via "
                            + "\(element).pixelization.pixel(id) instead.")
                }
            }
            for (datasetType, fields) in datasetFields where fields.isEmpty {
                throw ButlerError(.invalidQuery, "The set of fields of dataset type '\(datasetType)' is empty.")
            }
            self.dimensions = dimensions
            self.dimensionFields = dimensionFields.sorted { $0.key.position < $1.key.position }
                .map { ($0.key, $0.value.sorted()) }
            self.datasetFields = datasetFields.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { ($0.key, $0.value.sorted()) }
            self.withRecords = withRecords
            self.findFirst = findFirst
        }
    }

    public init(
        _ kind: Kind, order: [OrderTerm] = [], limit: Int? = nil, allowsDuplicateOverlaps: Bool = false
    ) {
        self.kind = kind
        self.order = order
        self.limit = limit
        self.allowsDuplicateOverlaps = allowsDuplicateOverlaps
    }

    /// All records of an element.
    public static func records(of element: DimensionElement, in universe: DimensionUniverse) -> ResultSpecification {
        ResultSpecification(
            .dimensionRecords(element, universe.group(conforming: element.requiredSet.union(element.impliedSet))))
    }

    /// The dimensions of each row.
    public var dimensions: DimensionGroup {
        switch kind {
        case .dataCoordinates(let group, _): group
        case .dimensionRecords(_, let group): group
        case .datasetRefs(let refs): refs.dimensions
        case .general(let general): general.dimensions
        }
    }

    /// The dataset type of which only the first dataset of each data ID counts.
    public var findFirstDatasetType: String? {
        switch kind {
        case .dataCoordinates, .dimensionRecords: nil
        case .datasetRefs(let refs): refs.findFirst ? refs.datasetType : nil
        case .general(let general): general.findFirst ? general.datasetFields.first?.datasetType : nil
        }
    }
}
