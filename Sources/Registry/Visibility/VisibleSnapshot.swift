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

    /// The part of the catalog that this registry's viewer may see, if it is known already.
    func heldCatalog(_ content: CatalogCache.Content) -> Catalog? {
        guard let (key, _) = rules(content) else { return content.catalog }
        return content.filtered(for: key)
    }

    /// As whom this registry's viewer counts among those who differ in what the rules mention, and the rules; `nil` when
    /// nothing is hidden from him.
    private func rules(_ content: CatalogCache.Content) -> (key: Viewer, access: CollectionAccess?)? {
        guard case .person(let user, let groups) = viewer else { return nil }
        let access = content.catalog.access
        guard access != nil || published != nil else { return nil }
        let relevant = content.relevantNames(published: published)
        let owner = user.flatMap { relevant.users.contains($0) ? $0 : nil }
        return (.person(user: owner, groups: groups.intersection(relevant.groups)), access)
    }

    /// The part of the snapshot that this registry's viewer may see.
    func visible(_ whole: RegistrySnapshot, _ content: CatalogCache.Content) throws -> RegistrySnapshot {
        guard let (key, access) = rules(content), case .person(let owner, let members) = key else { return whole }
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
