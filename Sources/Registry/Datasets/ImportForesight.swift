import AstroTime
import ButlerModel
import ByteText
import Database

/// What the registry would object to, found out without changing anything.
extension RegistrySnapshot {
    /// Looks whether datasets can be made with the identifiers they have, and with the types and runs that they need.
    ///
    /// Data IDs must be expanded. Cost: a statement for a thousand datasets, and one for each new dataset whose type and run
    /// exist.
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when an identifier belongs to another dataset, a run has
    ///   another of the same type and data ID, or a type is defined otherwise; `collectionType` for a run that is none.
    public func foreseeImport(of refs: [DatasetRef]) throws {
        var types: Set<DatasetType> = []
        var runs: Set<ExactName> = []
        for ref in refs {
            if types.insert(ref.datasetType).inserted { try foreseeRegistration(of: ref.datasetType) }
            if runs.insert(ref.run) { try foreseeRegistration(ofCollection: ref.run, type: .run) }
        }
        for chunk in refs.chunked(by: 1000) {
            let known = Dictionary(
                try datasets(chunk.map(\.id)).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            for ref in chunk {
                if let held = known[ref.id] {
                    try ref.requireSame(as: held)
                } else {
                    try refuseOther(than: ref, in: ref.run)
                }
            }
        }
    }

    /// - Throws: `ButlerError` of kind `conflictingDefinition` when a type of this name is defined otherwise.
    public func foreseeRegistration(of type: DatasetType) throws {
        guard let known = catalog.datasetTypes[type.name], known.type != type else { return }
        throw ButlerError.otherDefinition(of: known.type)
    }

    /// - Throws: `ButlerError` of kind `collectionType` when a collection of this name has another type.
    public func foreseeRegistration(ofCollection name: String, type: CollectionType) throws {
        guard let known = catalog.collections[name], known.type != type else { return }
        throw ButlerError.otherType(of: name, is: known.type, not: type)
    }

    /// Looks whether datasets, which need not exist yet, can become members of a TAGGED collection, which need not either.
    ///
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when it has another of the same type and data ID.
    public func foreseeAssociation(of refs: [DatasetRef], with name: String) throws {
        try foreseeRegistration(ofCollection: name, type: .tagged)
        for ref in refs { try refuseOther(than: ref, in: name) }
    }

    /// Looks whether datasets, which need not exist yet, can be certified in a CALIBRATION collection, which need not either.
    ///
    /// - Throws: `ButlerError` of kind `conflictingDefinition` for ranges that overlap, `datasetTypeExpression` for types
    ///   that are no calibrations.
    public func foreseeCertification(of refs: [DatasetRef], in name: String, timespan: Timespan) throws {
        try foreseeRegistration(ofCollection: name, type: .calibration)
        try DatasetRef.refuseRepeated(refs, timespan)
        for ref in refs {
            guard ref.datasetType.isCalibration else { throw ButlerError.noCalibration(ref.datasetType.name) }
            guard let stored = catalog.datasetTypes[ref.datasetType.name], let collection = catalog.collections[name]
            else { continue }
            try refuseOverlap(stored, ref, collection, timespan)
        }
    }

    /// - Throws: `ButlerError` of kind `conflictingDefinition` when a run or tag has another dataset of this type and data ID.
    private func refuseOther(than ref: DatasetRef, in name: String) throws {
        guard let stored = catalog.datasetTypes[ref.datasetType.name], let collection = catalog.collections[name] else {
            return
        }
        guard let other = try matches(stored.tagsTable, stored, ref.dataID, [collection], extra: []).first?.id,
            other != ref.id
        else { return }
        throw ButlerError(
            .conflictingDefinition,
            "'\(name)' holds already another '\(stored.type.name)' dataset for \(ref.dataID), \(other); \(ref.id) cannot come "
                + "beside it.")
    }
}

extension DatasetRef {
    /// - Throws: `ButlerError` of kind `conflictingDefinition` when the dataset with this identifier is another one.
    func requireSame(as held: DatasetRef) throws {
        guard held.datasetType.name == datasetType.name, held.run.hasSameBytes(as: run),
            held.dataID.requiredValues == dataID.requiredValues
        else {
            throw ButlerError(
                .conflictingDefinition,
                "The identifier of \(self) belongs already to \(held); give one of them another identifier.")
        }
    }

    /// Two datasets of one type and data ID cannot be valid at the same time. Empty ranges overlap nothing.
    static func refuseRepeated(_ members: [DatasetRef], _ timespan: Timespan) throws {
        guard !timespan.isEmpty else { return }
        var known: [DatasetKey: DatasetRef] = [:]
        for member in members {
            let key = DatasetKey(type: member.datasetType.name, values: Array(member.dataID.requiredValues))
            if let other = known.updateValue(member, forKey: key) {
                throw ButlerError(
                    .conflictingDefinition,
                    "The given '\(member.datasetType.name)' datasets \(other.id) and \(member.id) have the same data ID "
                        + "\(member.dataID); their validity ranges would overlap.")
            }
        }
    }

    private struct DatasetKey: Hashable {
        let type: String
        let values: [DataIDValue]
    }
}

extension ButlerError {
    static func otherDefinition(of known: DatasetType) -> ButlerError {
        ButlerError(
            .conflictingDefinition,
            "Dataset type '\(known.name)' exists already, over \(known.dimensions) with storage class "
                + "'\(known.storageClass)', "
                + (known.isCalibration
                    ? "as a calibration (--is-calibration)." : "not as a calibration (without --is-calibration)."))
    }

    static func otherType(of name: String, is known: CollectionType, not type: CollectionType) -> ButlerError {
        ButlerError(.collectionType, "Collection '\(name)' exists already, as \(known), not \(type).")
    }

    static func noCalibration(_ name: String) -> ButlerError {
        ButlerError(
            .datasetTypeExpression,
            "Dataset type '\(name)' is no calibration, so it cannot be certified; register such types as calibrations.")
    }
}
