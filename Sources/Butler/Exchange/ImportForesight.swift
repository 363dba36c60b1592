import ButlerModel
import Datastore
import Registry

extension DirectButler {
    /// Looks what an import would meet, without changing anything.
    ///
    /// - Throws: as the import does.
    func foresee(
        _ plan: ImportPlan, _ options: ImportOptions, _ transfers: FileTransfers,
        progress: @escaping @Sendable (Int, Int) -> Void
    ) async throws {
        try await registry.read { try plan.foresee($0) }
        var foresight = IntakeForesight(self)
        for refs in plan.refs.pieces(of: BatchSpool.batchSize) {
            try await foresight.add(refs, records: plan.records)
        }
        if !options.isWithoutFiles {
            for files in plan.files.pieces(of: BatchSpool.batchSize) {
                try await foresight.add(files, transfers, jobs: options.jobs)
                progress(files.count, plan.files.count)
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
        for (collection, refs) in tags { try snapshot.foreseeAssociation(of: refs, with: collection) }
        for (range, refs) in ranges {
            try snapshot.foreseeCertification(of: refs, in: range.collection, timespan: range.timespan)
        }
    }

    /// - Throws: `ButlerError` of kind `missingCollection` for members that there will not be, `collectionCycle` for chains
    ///   that would contain themselves.
    private func foreseeChains(_ snapshot: RegistrySnapshot) throws {
        var known: [String: [String]] = [:]
        let runs = Set(refs.map(\.run))
        for collection in collections { known[collection.name] = collection.children }
        func members(of name: String) throws -> [String] {
            if let members = known[name] { return members }
            let found = runs.contains(name) ? [] : try snapshot.collectionInfo(CollectionSearch([name])).first?.children
            known[name] = found ?? []
            return found ?? []
        }
        for chain in collections where chain.type == .chained {
            var seen: Set<String> = []
            var waiting = chain.children
            while let name = waiting.popLast() {
                guard name != chain.name else {
                    throw ButlerError(.collectionCycle, "The chain '\(chain.name)' of the export file would contain itself.")
                }
                if seen.insert(name).inserted { waiting += try members(of: name) }
            }
        }
    }
}
