import ButlerModel

/// Reading on behalf of a viewer: the one place where it is decided what he sees.
extension Registry {
    /// Whether the repository hides anything from anybody: then the groups of viewers matter.
    ///
    /// This is as of the last transaction. When another process has just switched rules on, a viewer's groups may be missing
    /// once, and he then sees less, never more.
    public func hasVisibilityRules() async throws -> Bool {
        if published != nil { return true }
        if let latest = cache.latest { return latest.catalog.access != nil }
        return try await read { $0.catalog.access != nil }
    }

    /// The part of the snapshot that this registry's viewer may see.
    func visible(_ whole: RegistrySnapshot, _ content: CatalogCache.Content) throws -> RegistrySnapshot {
        guard case .person(let user, let groups) = viewer else { return whole }
        let access = content.catalog.access
        guard access != nil || published != nil else { return whole }
        let relevant = content.relevantNames(published: published)
        // Viewers who differ only in what no rule mentions share a catalog.
        let owner = user.flatMap { relevant.users.contains($0) ? $0 : nil }
        let members = groups.intersection(relevant.groups)
        let key = Viewer.person(user: owner, groups: members)
        let catalog: Catalog
        if let held = content.filtered(for: key) {
            catalog = held
        } else {
            var filter = CatalogFilter(content.catalog, connection: whole.connection, universe: universe)
            catalog = try filter.filtered(
                collections: { access?.allows($0, user: owner, groups: members) ?? true },
                types: { [published] in published?.shows($0, groups: members) ?? true })
            content.keep(catalog, for: key)
        }
        return RegistrySnapshot(
            connection: whole.connection, universe: universe, catalog: catalog, cachedRecords: whole.cachedRecords,
            schema: schema, isFiltered: true)
    }
}
