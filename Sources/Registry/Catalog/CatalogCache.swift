import ButlerModel
import ByteText
import Database
import Synchronization

/// Keeps the last catalog for as long as no transaction has seen the database change.
///
/// Every transaction asks its connection for a token of what it sees. A token that differs from the connection's last
/// one starts a new generation; what was read in an older generation is never used again. A catalog is stored under
/// the generation that its transaction started in, so one read from an older state cannot be taken for a newer. What is
/// read on a replica, which may be behind, is not kept, and what is kept is not given to transactions there.
///
/// Where the database has a commit stamp, what needs the catalog alone is answered without a transaction for as long as
/// the stamp is that of the transaction which read the catalog: even while another process locks the file.
final class CatalogCache: Sendable {
    /// A whole catalog, and what viewers see of it.
    final class Content: Sendable {
        let catalog: Catalog
        let records: CachedRecords
        private let stamp: UInt32?
        private let views = Mutex(Views())

        private struct Views {
            var relevant: RelevantNames?
            var catalogs: [Viewer: Catalog] = [:]
        }

        /// The users and groups that any rule mentions.
        struct RelevantNames {
            var users: Set<ExactName> = []
            var groups: Set<ExactName> = []
        }

        /// The most views that are kept.
        private static let capacity = 64

        /// - Parameter stamp: the commit stamp of the database in the transaction that read this.
        init(catalog: Catalog, records: CachedRecords, stamp: UInt32?) {
            self.catalog = catalog
            self.records = records
            self.stamp = stamp
        }

        /// Whether nothing was committed since this was read. False if that is not known.
        func isCurrent(_ database: any DatabaseClient) -> Bool { stamp != nil && database.commitStamp == stamp }

        /// - Parameter published: always the same for one cache.
        func relevantNames(published: PublishedTypes?) -> RelevantNames {
            views.withLock { views in
                if let known = views.relevant { return known }
                var names = RelevantNames(groups: published?.groups ?? [])
                names.groups.formUnion(catalog.access?.groups ?? [])
                if catalog.access != nil {
                    for entry in catalog.collections.entries {
                        switch CollectionOwner(collection: entry.name) {
                        case .user(let name): names.users.insert(name)
                        case .group(let name): names.groups.insert(name)
                        case nil: break
                        }
                    }
                }
                views.relevant = names
                return names
            }
        }

        func filtered(for viewer: Viewer) -> Catalog? { views.withLock { $0.catalogs[viewer] } }

        func keep(_ catalog: Catalog, for viewer: Viewer) {
            views.withLock { views in
                if views.catalogs.count >= Self.capacity, let any = views.catalogs.keys.first {
                    views.catalogs[any] = nil
                }
                views.catalogs[viewer] = catalog
            }
        }
    }

    private struct State {
        var generation: UInt64 = 0
        var seen: [UInt64: Int64] = [:]
        var content: Content?
    }

    private let state = Mutex(State())

    /// The content that was valid for the last transaction that asked.
    var latest: Content? { state.withLock { $0.content } }

    /// The content that is valid for a transaction with this token, if any is held, and the generation of the state that
    /// the transaction sees; `nil` for one of which nothing is to be kept.
    func current(for token: DatabaseChangeToken) -> (content: Content?, generation: UInt64?) {
        guard let version = token.version else { return (nil, nil) }
        return state.withLock { state in
            if state.seen[token.connection] != version {
                state.seen[token.connection] = version
                state.generation += 1
                state.content = nil
            }
            return (state.content, state.generation)
        }
    }

    /// Keeps content that was read in a transaction which started in this generation.
    func store(_ content: Content, generation: UInt64?) {
        state.withLock { state in
            if state.generation == generation { state.content = content }
        }
    }

    /// Forgets what is held, because a connection of this process is about to commit changes: they do not show in its
    /// own token, as they do in those of others.
    func distrust(_ connection: UInt64) {
        state.withLock { state in
            state.generation += 1
            state.content = nil
            // What is read until the commit is older than what this connection sees in its next transaction.
            state.seen[connection] = nil
        }
    }
}
