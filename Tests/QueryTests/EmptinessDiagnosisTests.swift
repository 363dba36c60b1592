import ButlerModel
import Query
import QueryModel
import Testing

/// What is said of a result without rows.
@Suite struct EmptinessDiagnosisTests {
    private func reasons(_ expression: String) async throws -> [String] {
        let repository = try await QueryRepository.shared.value
        let query = try await repository.records(of: "detector", .where(expression, id: cam1))
        return try await repository.registry.diagnoseNoRows(query.request)
    }

    @Test func aResultWithRowsNeedsNoReason() async throws {
        #expect(try await reasons("detector = 2") == [])
        #expect(try await reasons("NOT detector IN (2, 3)") == [])
    }

    @Test func theConditionToBlameIsNamed() async throws {
        let found = try await reasons("detector > 0 AND full_name = 'none'")
        #expect(found == ["There would be rows without the condition 'detector.full_name = 'none''."], "\(found)")
        #expect(try await reasons("detector = 9").first?.hasPrefix("There is no detector 9 for instrument='Cam1'") == true)
    }

    /// A list that excludes everything is one condition, although it has become one for each value.
    @Test func anExclusionByAListIsOneCondition() async throws {
        let short = try await reasons("NOT detector IN (1, 2, 3, 4)")
        #expect(
            short == [
                "There would be rows without the condition 'NOT detector = 1 AND NOT detector = 2 AND "
                    + "NOT detector = 3 AND NOT detector = 4'."
            ], "\(short)")
        let numbers = (1...20_000).map(String.init).joined(separator: ", ")
        let long = try await reasons("detector > 0 AND NOT detector IN (\(numbers))")
        #expect(long.count == 1 && long[0].hasSuffix(" … (20000 terms)'.") && long[0].count < 1000, "\(long)")
    }

    @Test func severalConditionsCanBeToBlame() async throws {
        #expect(
            try await reasons("full_name = 'none' AND raft = 'none'")
                == ["There would be rows without any condition, but not without a single one: several exclude them."])
        let many = (1...60).map { "(full_name = 'none' OR raft = 'n\($0)')" }.joined(separator: " AND ")
        let found = try await reasons(many)
        #expect(found.count == 1 && found[0].contains("too many conditions to try them one by one"), "\(found)")
    }
}
