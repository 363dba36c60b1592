import ButlerModel
import Registry

extension DirectButler {
    /// The dataset types of this repository for those of another one, or of an archive. They have the same name and
    /// dimensions; the storage class is the one here, if each of the two can be made of the other.
    ///
    /// - Parameter areRegistered: whether all must be registered here; else those that are not stay as they are.
    /// - Throws: `ButlerError` of kind `missingDatasetType`, or `conflictingDefinition` for types that mean other things here.
    func ownTypes(of types: Set<DatasetType>, areRegistered: Bool) async throws -> [DatasetType: DatasetType] {
        let classes = try configuration.storageClasses()
        return try await registry.read { snapshot in
            var own: [DatasetType: DatasetType] = [:]
            for type in types.sorted(by: { $0.name < $1.name }) {
                let conformed = try type.conformed(to: snapshot.universe)
                guard let known = snapshot.catalog.datasetTypes[type.name]?.type else {
                    guard areRegistered else {
                        own[type] = conformed
                        continue
                    }
                    throw ButlerError(
                        .missingDatasetType,
                        "Dataset type '\(type.name)' does not exist in the target; register it, or ask for that too.")
                }
                let isSame =
                    known.dimensions == conformed.dimensions && known.isCalibration == conformed.isCalibration
                    && known.parentStorageClass == conformed.parentStorageClass
                guard
                    known == conformed
                        || isSame && classes.canConvert(known.storageClass, to: conformed.storageClass)
                            && classes.canConvert(conformed.storageClass, to: known.storageClass)
                else {
                    throw ButlerError(
                        .conflictingDefinition,
                        "Dataset type '\(type.name)' is \(conformed.definition) in the source, but \(known.definition) in the "
                            + "target\(isSame ? ", and of these each cannot be made of the other" : "").")
                }
                own[type] = known
            }
            return own
        }
    }
}

extension DatasetType {
    fileprivate var definition: String {
        "\(dimensions) with storage class '\(storageClass)'\(isCalibration ? " as a calibration" : "")"
    }
}

extension DatasetRef {
    /// The same dataset as one of another type with the same dimensions.
    func with(type: DatasetType) throws -> DatasetRef {
        DatasetRef(id: id, datasetType: type, dataID: try dataID.conformed(to: type.dimensions), run: run)
    }
}

extension TransferPlan {
    /// What is brought, as it is in the repository that it comes to.
    ///
    /// - Parameter types: those of the repository for those of the source.
    mutating func conform(to types: [DatasetType: DatasetType], in universe: DimensionUniverse) throws {
        func own(_ ref: DatasetRef) throws -> DatasetRef { try types[ref.datasetType].map(ref.with(type:)) ?? ref }
        refs = try refs.map(own)
        for index in files.indices {
            files[index].rows = try files[index].rows.map { .init(try own($0.ref), $0.info) }
        }
        lost = try lost.map { (try own($0.ref), $0.places) }
        // Those that follow from other things there, or are not known, are not needed.
        records = try records.compactMap { record in
            guard let element = universe.element(record.element.name), element.hasOwnTable else { return nil }
            return try record.conformed(to: element)
        }
    }
}
