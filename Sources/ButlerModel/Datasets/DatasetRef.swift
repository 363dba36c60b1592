import StructuredData

/// One dataset: what it is (type and data ID), where it belongs (its run) and its identifier.
public struct DatasetRef: Hashable, Sendable {
    public let id: DatasetID
    public let datasetType: DatasetType
    public let dataID: DataCoordinate
    public let run: String

    /// - Precondition: the data ID has the dimensions of the dataset type.
    public init(id: DatasetID, datasetType: DatasetType, dataID: DataCoordinate, run: String) {
        precondition(datasetType.dimensions == dataID.group)
        self.id = id
        self.datasetType = datasetType
        self.dataID = dataID
        self.run = run
    }

    /// The same dataset with another form of its data ID (expanded, say).
    public func with(dataID: DataCoordinate) -> DatasetRef {
        DatasetRef(id: id, datasetType: datasetType, dataID: dataID, run: run)
    }

    public static func == (a: DatasetRef, b: DatasetRef) -> Bool {
        a.id == b.id && a.datasetType == b.datasetType && a.dataID == b.dataID
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

extension DatasetRef: CustomStringConvertible {
    public var description: String {
        "\(datasetType.name)@\(dataID) [sc=\(datasetType.storageClass)] (run=\(run) id=\(id))"
    }
}

// MARK: - Wire form

extension DatasetRef {
    public var wire: StructuredValue {
        .object([
            "id": .string(id.description),
            "datasetType": datasetType.wire,
            "dataId": dataID.wire,
            "run": .string(run),
            "component": .null,
        ])
    }

    public init(wire reader: DocumentReader, universe: DimensionUniverse) throws(ButlerError) {
        let idReader = try reader.required("id")
        guard let id = DatasetID(try idReader.string()) else { throw idReader.failure("must be a UUID") }
        let type = try DatasetType(wire: try reader.required("datasetType"), universe: universe)
        self.init(
            id: id, datasetType: type,
            dataID: try DataCoordinate(
                wire: try reader.required("dataId"), group: type.dimensions, universe: universe),
            run: try reader.required("run").string())
    }
}
