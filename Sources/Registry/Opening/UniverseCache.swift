import ButlerModel
import StructuredData
import Synchronization

/// Universes by the document that defines them. Processes that open many repositories mostly see one universe.
final class UniverseCache: Sendable {
    static let shared = UniverseCache()
    private let universes = Mutex<[String: DimensionUniverse]>([:])

    /// - Throws: ``RegistryError/badUniverse(reason:)``.
    func universe(document: String) throws -> DimensionUniverse {
        if let known = universes.withLock({ $0[document] }) { return known }
        let universe: DimensionUniverse
        do {
            universe = try DimensionUniverse(DimensionConfiguration(StructuredValue(json: document)))
        } catch {
            throw RegistryError.badUniverse(reason: "\(error)")
        }
        return universes.withLock { held in
            if let known = held[document] { return known }
            held[document] = universe
            return universe
        }
    }
}
