import AstroTime
import ButlerModel
import ByteText
import Datastore
import Registry

extension DirectButler {
    /// Looks what an import would meet, without changing anything.
    ///
    /// - Throws: as the import does.
    func foresee(
        _ plan: ImportPlan, _ options: ImportOptions, progress: @escaping @Sendable (Int, Int) -> Void
    ) async throws {
        let datasets = plan.datasets
        try await registry.read { try plan.foresee($0) }
        var foresight = IntakeForesight(self)
        for number in 0..<datasets.batchCount {
            let refs = try await registry.read { try datasets.batch(number, $0).refs }
            try await foresight.add(refs, records: plan.records)
        }
        if !options.isWithoutFiles {
            for number in 0..<datasets.batchCount {
                let files = try await registry.read { try datasets.batch(number, $0).files }
                try await foresight.add(files, plan.transfers, jobs: options.jobs)
                progress(files.count, datasets.fileCount)
            }
        }
        try foresight.finish()
    }
}

extension ImportPlan {
    /// Looks whether types, collections and memberships fit the repository; records and datasets are another matter.
    ///
    /// - Throws: `ButlerError` as writing does.
    func foresee(_ snapshot: RegistrySnapshot) throws {
        for type in types { try snapshot.foreseeRegistration(of: type) }
        for collection in collections {
            try snapshot.foreseeRegistration(ofCollection: collection.name, type: collection.type)
        }
        try foreseeChains(snapshot)
        for tag in tags { try snapshot.foreseeAssociation(of: refs(of: tag.ids), with: tag.collection) }
        for range in ranges {
            try snapshot.foreseeCertification(of: refs(of: range.ids), in: range.collection, timespan: range.timespan)
        }
    }

    /// Looks whether the file contradicts itself, which the repository would find too, but tell of as if it were at fault.
    ///
    /// - Throws: `ButlerError` of kind `collectionType` or `conflictingDefinition`.
    func refuseContradictions() throws {
        try foreseeRuns()
        try foreseeTags()
        try foreseeRanges()
    }

    /// Looks whether two datasets share their identifier, or their type, run and data ID.
    ///
    /// - Throws: `ButlerError` of kind `conflictingDefinition`. Cost: all datasets are read once more.
    func refuseRepetitions(_ snapshot: RegistrySnapshot) throws {
        var known = KnownDatasets()
        for number in 0..<datasets.batchCount {
            for ref in try datasets.batch(number, snapshot).refs where suspects.contains(ref) { try known.add(ref) }
        }
    }

    /// - Throws: `ButlerError` of kind `collectionType` for runs of datasets that are other collections in the file.
    private func foreseeRuns() throws {
        let types = Dictionary(collections.map { (ExactName($0.name), $0.type) }, uniquingKeysWith: { first, _ in first })
        for run in datasets.runs {
            guard let type = types[run], type != .run else { continue }
            throw ButlerError(
                .collectionType, "Collection '\(run)' of the export file is \(type), and the run of some of its datasets.")
        }
    }

    /// What is unique in a tag, and at a time in a calibration collection.
    private struct Member: Hashable {
        let collection: ExactName
        let type: String
        let values: [DataIDValue]

        init(_ ref: DatasetRef, in collection: String) {
            self.collection = ExactName(collection)
            type = ref.datasetType.name
            values = Array(ref.dataID.requiredValues)
        }
    }

    /// Hashes of members that come up more than once.
    private func suspects(in collections: some Sequence<(String, [DatasetID])>) -> Set<Int> {
        var hashes = RepeatedHashes()
        for (collection, ids) in collections {
            for id in ids { for ref in refs(of: CollectionOfOne(id)) { hashes.add(Member(ref, in: collection).hashValue) } }
        }
        return hashes.found()
    }

    /// - Throws: `ButlerError` of kind `conflictingDefinition` for two datasets of one type and data ID in a tag.
    private func foreseeTags() throws {
        let suspects = suspects(in: tags.lazy.map { ($0.collection, $0.ids) })
        if suspects.isEmpty { return }
        var known: [Member: DatasetID] = [:]
        for tag in tags {
            for ref in refs(of: tag.ids) {
                let member = Member(ref, in: tag.collection)
                guard suspects.contains(member.hashValue), let other = known.updateValue(ref.id, forKey: member),
                    other != ref.id
                else { continue }
                throw ButlerError(
                    .conflictingDefinition,
                    "'\(tag.collection)' of the export file would hold two '\(ref.datasetType.name)' datasets for "
                        + "\(ref.dataID), \(other) and \(ref.id).")
            }
        }
    }

    /// - Throws: `ButlerError` of kind `conflictingDefinition` for two datasets of one type and data ID that would be valid at
    ///   one time. Cost: for each dataset, the ranges of its data ID.
    private func foreseeRanges() throws {
        let ranges = ranges.filter { !$0.timespan.isEmpty }
        let suspects = suspects(in: ranges.lazy.map { ($0.collection, $0.ids) })
        if suspects.isEmpty { return }
        var known: [Member: [(timespan: Timespan, id: DatasetID)]] = [:]
        for range in ranges {
            for ref in refs(of: range.ids) {
                let member = Member(ref, in: range.collection)
                guard suspects.contains(member.hashValue) else { continue }
                if let other = known[member]?.first(where: { $0.timespan.overlaps(range.timespan) }) {
                    throw ButlerError(
                        .conflictingDefinition,
                        "In '\(range.collection)' of the export file the '\(ref.datasetType.name)' datasets \(other.id) and "
                            + "\(ref.id) for \(ref.dataID) would both be valid during \(range.timespan).")
                }
                known[member, default: []].append((range.timespan, ref.id))
            }
        }
    }

    /// - Throws: `ButlerError` of kind `missingCollection` for members that there will not be, `collectionCycle` for chains
    ///   that would contain themselves.
    private func foreseeChains(_ snapshot: RegistrySnapshot) throws {
        var known: [ExactName: [String]] = [:]
        for collection in collections { known[collection.name] = collection.children }
        func members(of name: String) throws -> [String] {
            if let members = known[name] { return members }
            let found = datasets.runs.contains(name) ? [] : try snapshot.collectionInfo(CollectionSearch([name])).first?.children
            known[name] = found ?? []
            return found ?? []
        }
        for chain in collections where chain.type == .chained {
            var seen: Set<ExactName> = []
            var waiting = chain.children
            while let name = waiting.popLast() {
                guard !name.hasSameBytes(as: chain.name) else {
                    throw ButlerError(.collectionCycle, "The chain '\(chain.name)' of the export file would contain itself.")
                }
                if seen.insert(name) { waiting += try members(of: name) }
            }
        }
    }
}
