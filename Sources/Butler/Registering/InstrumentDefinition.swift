public import ButlerModel
public import Registry

/// An instrument as observers describe it: what a repository has to know before it takes its exposures.
///
///     let camera = InstrumentDefinition(
///         "MyCam", className: "my.obs.MyCam",
///         detectors: [.init(id: 0, fullName: "S00", purpose: "SCIENCE")],
///         filters: [.init("MyCam-r", band: "r")])
///     try await butler.register(camera)
public struct InstrumentDefinition: Hashable, Sendable {
    public struct Detector: Hashable, Sendable {
        public var id: Int64
        /// Unique in the instrument.
        public var fullName: String
        public var nameInRaft: String?
        public var raft: String?
        /// As in `SCIENCE`, `WAVEFRONT`, `GUIDE`.
        public var purpose: String?

        public init(
            id: Int64, fullName: String, nameInRaft: String? = nil, raft: String? = nil, purpose: String? = nil
        ) {
            self.id = id
            self.fullName = fullName
            self.nameInRaft = nameInRaft
            self.raft = raft
            self.purpose = purpose
        }
    }

    public struct Filter: Hashable, Sendable {
        public var name: String
        public var band: String

        public init(_ name: String, band: String) {
            self.name = name
            self.band = band
        }
    }

    public var name: String
    /// The Python class of the instrument.
    public var className: String
    public var detectors: [Detector]
    public var filters: [Filter]
    /// Numbers are less than these; `nil` where they are not known. That of detectors follows from ``detectors`` if it
    /// is not given.
    public var visitMaximum: Int64?
    public var exposureMaximum: Int64?
    public var detectorMaximum: Int64?
    /// The visit system that searches prefer.
    public var visitSystem: Int64?

    public init(
        _ name: String, className: String, detectors: [Detector], filters: [Filter], visitMaximum: Int64? = nil,
        exposureMaximum: Int64? = nil, detectorMaximum: Int64? = nil, visitSystem: Int64? = nil
    ) {
        self.name = name
        self.className = className
        self.detectors = detectors
        self.filters = filters
        self.visitMaximum = visitMaximum
        self.exposureMaximum = exposureMaximum
        self.detectorMaximum = detectorMaximum
        self.visitSystem = visitSystem
    }

    /// The records that say all this, in the order in which they can be inserted.
    /// - Throws: `ButlerError` when the universe has no such elements or columns.
    public func records(in universe: DimensionUniverse) throws -> [DimensionRecord] {
        func optional(_ number: Int64?) -> ColumnValue { number.map { .int($0) } ?? .null }
        func optional(_ text: String?) -> ColumnValue { text.map { .string($0) } ?? .null }
        let instrument = try universe.requireElement("instrument")
        var values: [String: ColumnValue] = [
            "name": .string(name), "class_name": .string(className), "visit_max": optional(visitMaximum),
            "exposure_max": optional(exposureMaximum),
            "detector_max": optional(detectorMaximum ?? detectors.map(\.id).max().map { $0 + 1 }),
            "visit_system": optional(visitSystem),
        ]
        // Universes before version 2 know no preferred visit system.
        if instrument.columnIndex("visit_system") == nil, visitSystem == nil { values["visit_system"] = nil }
        let detector = try universe.requireElement("detector")
        let filter = try universe.requireElement("physical_filter")
        return try [DimensionRecord(instrument, values)]
            + detectors.map {
                try DimensionRecord(
                    detector,
                    [
                        "instrument": .string(name), "id": .int($0.id), "full_name": .string($0.fullName),
                        "name_in_raft": optional($0.nameInRaft), "raft": optional($0.raft),
                        "purpose": optional($0.purpose),
                    ])
            }
            + filters.map {
                try DimensionRecord(
                    filter, ["instrument": .string(name), "name": .string($0.name), "band": .string($0.band)])
            }
    }
}

extension DirectButler {
    /// Makes the repository know an instrument, its detectors and its filters, in one transaction.
    ///
    /// - Parameter isUpdating: whether records that exist with other values are changed, rather than refused.
    /// - Returns: what was done, for those records that were inserted or changed.
    /// - Throws: `ButlerError` of kind `conflictingDefinition`.
    @discardableResult
    public func register(
        _ instrument: InstrumentDefinition, updating isUpdating: Bool = false
    ) async throws -> [(record: DimensionRecord, outcome: RecordSync)] {
        let records = try instrument.records(in: universe)
        return try await transaction { transaction in
            try records.map { (record: $0, outcome: try transaction.registry.sync($0, updating: isUpdating)) }
                .filter { $0.outcome != .unchanged }
        }
    }
}
