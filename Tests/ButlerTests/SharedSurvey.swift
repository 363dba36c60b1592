import Butler
import ButlerModel
import DatabaseSupport
import DemoSurvey
import Foundation
import RepositoryConfiguration

/// Removed when the process ends.
private let sharedPath = FileManager.default.temporaryDirectory.appendingPathComponent("demo-\(UUID().uuidString)").path

/// One small survey, made once and read by all tests.
actor SharedSurvey {
    static let one = SharedSurvey()
    static let seed: UInt64 = 42
    private var making: Task<String, any Error>?

    func path() async throws -> String {
        if let making { return try await making.value }
        atexit { try? FileManager.default.removeItem(atPath: sharedPath) }
        let database = try TestDatabase.isPostgreSQL ? TestDatabase.freshSchema() : nil
        let task = Task {
            try await DemoSurvey.make(
                at: sharedPath, seed: Self.seed, scale: .small,
                database: database.map { DemoSurvey.ServerDatabase(url: $0.url, schema: $0.schema) }
            ).path
        }
        making = task
        return try await task.value
    }
}

func withSurvey<T>(
    defaults: ButlerDefaults = ButlerDefaults(), onWarning: @escaping @Sendable (String) -> Void = { _ in },
    _ body: (DirectButler) async throws -> T
) async throws -> T {
    let butler = try await DirectButler.open(
        try await SharedSurvey.one.path(), defaults: defaults, environment: ConfigurationEnvironment(variables: [:]),
        onWarning: onWarning)
    let result = try await body(butler)
    try await butler.close()
    return result
}
