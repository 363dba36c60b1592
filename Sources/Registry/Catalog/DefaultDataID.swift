import ButlerModel

extension RegistrySnapshot {
    /// The values of governor dimensions that defaults give: those stated, and, where they are inferred, those that
    /// the default collections have in common. Default collections that do not exist count as empty.
    public func dataID(of defaults: ButlerDefaults) throws -> [String: DataIDValue] {
        var dataID = defaults.dataID
        guard defaults.infersDataID, !defaults.collections.isEmpty else { return dataID }
        var summary = CollectionSummary()
        for name in defaults.collections where catalog.collections[name] != nil {
            summary.formUnion(try collectionSummary(name))
        }
        for (governor, values) in summary.governors where dataID[governor] == nil && values.count == 1 {
            dataID[governor] = values.first.map { .string($0.text) }
        }
        return dataID
    }
}
