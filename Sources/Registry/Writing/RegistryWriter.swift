import ButlerModel
import Database

/// Changes a registry, inside the closure of ``Registry/write(_:)``. Whatever it did is undone when the closure
/// throws.
///
/// Each of its methods does all that it says or, when it throws, nothing; so a closure may catch the error of one and
/// go on.
public struct RegistryWriter {
    let registry: Registry
    let state: WriterState
    private let endsWithErrors: Bool

    /// What the small tables hold, refreshed after each change to them.
    final class WriterState {
        var snapshot: RegistrySnapshot
        /// Whether this transaction has changed the small tables, so that what it sees of them is only its own.
        var hasChanged = false

        init(_ snapshot: RegistrySnapshot) { self.snapshot = snapshot }
    }

    init(_ snapshot: RegistrySnapshot, registry: Registry) {
        self.registry = registry
        state = WriterState(snapshot)
        endsWithErrors = false
    }

    private init(endingWithErrorsIn writer: RegistryWriter) {
        registry = writer.registry
        state = writer.state
        endsWithErrors = true
    }

    /// The same for a closure that throws every error on. Its methods undo nothing by themselves, which spares SQLite a
    /// copy of all pages that each of them changes: a fifth of the time of many new datasets.
    public var endingWithErrors: RegistryWriter { RegistryWriter(endingWithErrorsIn: self) }

    /// The registry as this transaction sees it, its own changes included.
    public var snapshot: RegistrySnapshot { state.snapshot }
    public var connection: any DatabaseConnection { state.snapshot.connection }
    public var universe: DimensionUniverse { state.snapshot.universe }
    var schema: RegistrySchema { registry.schema }

    /// Reads the small tables again after they were changed.
    func refresh() throws {
        state.hasChanged = true
        state.snapshot = try registry.uncachedSnapshot(connection)
    }

    /// Runs `body`; when it throws, the database and what is known of it are as they were before.
    public func atomically<T>(_ body: () throws -> T) throws -> T {
        endsWithErrors ? try body() : try recoverably(body)
    }

    /// The same where the error may be caught, also in a closure that throws every other on.
    func recoverably<T>(_ body: () throws -> T) throws -> T {
        let before = state.snapshot
        do {
            return try connection.savepoint(body)
        } catch {
            state.snapshot = before
            throw (error as? UnclearViolation)?.explained(before) ?? error
        }
    }

    /// Runs `body`, whose changes of the database are undone when it throws.
    func undoing<T>(_ body: () throws -> T) throws -> T {
        endsWithErrors ? try body() : try connection.savepoint(body)
    }
}
