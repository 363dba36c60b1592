import ButlerModel
import Database
import Foundation
import Query
import QueryModel
import StructuredData
import Testing

/// Results come page by page out of one transaction that ends when nobody listens any more.
@Suite struct StreamingTests {
    private static let count = 5000

    /// A repository with a run of many datasets.
    private func large() async throws -> QueryRepository {
        let repository = try await QueryRepository.make()
        try await repository.registry.write { writer in
            try writer.registerCollection("large", type: .run)
            try QueryRepository.insert(
                writer, "cat1", "large", (0..<Self.count).map { ["htm7": .int(Int64(131_072 + $0))] })
        }
        return repository
    }

    /// Fails when a reader still holds the file.
    private func writes(_ repository: QueryRepository) async throws {
        try await repository.registry.write { writer in
            _ = try writer.registerCollection("written/\(UUID().uuidString)", type: .run)
        }
    }

    @Test func aPageHoldsAtMost2000Rows() async throws {
        let repository = try await large()
        let prepared = try await repository.datasets("cat1", ["large"], .where(order: ["htm7"]))
        var sizes: [Int] = []
        for try await page in repository.registry.pages(prepared.request, prepared.result) { sizes.append(page.count) }
        #expect(sizes == [2000, 2000, 1000])
        var rows = 0
        for try await line in repository.registry.lines(prepared.request, prepared.result) {
            let count = try StructuredValue(json: line.bytes.dropLast())["rows"]?.arrayValue?.count ?? 0
            #expect((1...2000).contains(count))
            #expect(line.bytes.count < 2 << 20)
            rows += count
        }
        #expect(rows == Self.count)
        #expect(try await repository.rows(prepared).count == Self.count)
        try await writes(repository)
    }

    /// What comes after skipped rows is what comes after them without skipping, limits included.
    @Test(arguments: [0, 1, 1999, 2000, 2001, 4999, 5000, 6000])
    func skippedRowsAreTheFirstOnes(count: Int) async throws {
        let repository = try await large()
        let whole = try await repository.rows(try await repository.datasets("cat1", ["large"]))
        var rest = try await repository.datasets("cat1", ["large"])
        rest.request.skippedRows = count
        #expect(try await repository.rows(rest) == Array(whole.dropFirst(count)))
        rest.result.limit = 2005
        #expect(try await repository.rows(rest) == Array(whole.prefix(2005).dropFirst(count)))
    }

    /// Here rows are left out by exact filters, after the database has found them.
    @Test func filteredRowsAreSkippedToo() async throws {
        let repository = try await QueryRepository.shared.value
        let query = try await repository.dataIDs(
            ["visit", "tract"], .where("visit.region OVERLAPS tract.region", id: everywhere))
        let whole = try await repository.rows(query)
        #expect(whole.count > 2)
        for count in 0...whole.count {
            var rest = query
            rest.request.skippedRows = count
            #expect(try await repository.rows(rest) == Array(whole.dropFirst(count)))
            rest.result.limit = 2
            #expect(try await repository.rows(rest) == Array(whole.prefix(2).dropFirst(count)))
        }
    }

    @Test func skippingGoesOverSeveralDatasetTypes() async throws {
        let repository = try await QueryRepository.shared.value
        func ids(_ request: AllDatasetsRequest) async throws -> [String] {
            var found: [String] = []
            for try await line in repository.registry.lines(request) {
                for row in try StructuredValue(json: line.bytes.dropLast())["rows"]?.arrayValue ?? [] {
                    found.append(row["id"]?.stringValue ?? "")
                }
            }
            return found
        }
        var request = AllDatasetsRequest(collections: ["*"], names: ["*"], findFirst: false)
        let whole = try await ids(request)
        #expect(whole.count > 20)
        for count in 0...(whole.count + 1) {
            request.skippedRows = count
            request.limit = nil
            #expect(try await ids(request) == Array(whole.dropFirst(count)))
            request.limit = 17
            #expect(try await ids(request) == Array(whole.prefix(17).dropFirst(count)))
        }
    }

    @Test func nothingHasNoPage() async throws {
        let repository = try await QueryRepository.shared.value
        let prepared = try await repository.datasets("bias", ["empty"])
        for try await _ in repository.registry.pages(prepared.request, prepared.result) { Issue.record("a page") }
        for try await _ in repository.registry.lines(prepared.request, prepared.result) { Issue.record("a line") }
    }

    @Test func theLastPageEndsTheTransaction() async throws {
        let repository = try await large()
        let prepared = try await repository.datasets("cat1", ["large"])
        var iterator = repository.registry.pages(prepared.request, prepared.result).makeAsyncIterator()
        for _ in 0..<3 { #expect(try await iterator.next() != nil) }
        try await writes(repository)
        #expect(try await iterator.next() == nil)
    }

    @Test func leavingTheIterationEndsTheTransaction() async throws {
        let repository = try await large()
        let prepared = try await repository.datasets("cat1", ["large"])
        for _ in 0..<8 {
            for try await page in repository.registry.pages(prepared.request, prepared.result) {
                #expect(page.count == 2000)
                break
            }
            for try await _ in repository.registry.lines(prepared.request, prepared.result) { break }
        }
        try await writes(repository)
    }

    @Test func uploadsAndMaterializationsGoWithTheTransaction() async throws {
        let repository = try await large()
        var query = TestQuery.where(order: ["htm7"])
        query.uploads = [
            (
                .init(key: DatasetID(high: 0, low: 1), dimensions: try repository.universe.group(["htm7"])),
                (0..<4000).map { [.int(Int64(131_072 + $0))] }
            )
        ]
        let prepared = try await repository.datasets("cat1", ["large"], query)
        for _ in 0..<6 {
            for try await _ in repository.registry.pages(prepared.request, prepared.result) { break }
            #expect(try await repository.count(prepared) == 4000)
        }
        #expect(try await repository.rows(prepared).count == 4000)
        try await writes(repository)
    }

    @Test func cancellingTheConsumerEndsTheTransaction() async throws {
        let repository = try await large()
        let prepared = try await repository.datasets("cat1", ["large"])
        let (started, starter) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            for try await _ in repository.registry.pages(prepared.request, prepared.result) {
                starter.yield()
                try? await Task.sleep(for: .seconds(60))
            }
        }
        for await _ in started { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await writes(repository)
    }

    @Test(.timeLimit(.minutes(5))) func cancellingALongQueryInterruptsIt() async throws {
        let repository = try await large()
        // Each of 5000 pixels with each other one, in an order that has to be found first.
        var query = TestQuery.where(order: ["-htm7"])
        query.joins = [("bias", ["chain"]), ("flat", ["chain"])]
        query.id = [:]
        let prepared = try await repository.datasets("cat1", ["large"], query)
        let task = Task { for try await _ in repository.registry.lines(prepared.request, prepared.result) {} }
        let counting = Task { try await repository.count(prepared) }
        try await Task.sleep(for: .milliseconds(1))
        task.cancel()
        counting.cancel()
        _ = await task.result
        _ = await counting.result
        try await writes(repository)
    }

    @Test func aQueryThatIsWrongFailsBeforeItsFirstPage() async throws {
        let repository = try await large()
        let prepared = try await repository.datasets("cat1", ["large", "nosuch"])
        for _ in 0..<6 {
            await #expect(throws: ButlerError.self) {
                for try await _ in repository.registry.pages(prepared.request, prepared.result) {
                    Issue.record("a page")
                }
            }
        }
        try await writes(repository)
    }

    @Test func errorsAfterTheFirstPageSurfaceAfterIt() async throws {
        let repository = try await large()
        // Uploaded detectors come in order; far behind the first page is one without a record.
        var query = TestQuery.where(order: ["detector"], withRecords: true)
        query.uploads = [
            (
                .init(key: DatasetID(high: 0, low: 1), dimensions: try repository.universe.group(["detector"])),
                (0..<3000).map { ["Cam1", .int($0 < 2999 ? 10_000 + Int64($0) : 99_999)] }
            )
        ]
        try await repository.registry.write { writer in
            try writer.insert(
                try (0..<2999).map { number in
                    try QueryRepository.record(
                        writer.universe, "detector",
                        [
                            "instrument": .string("Cam1"), "id": .int(10_000 + Int64(number)),
                            "full_name": .string("D\(number)"),
                        ])
                })
        }
        let prepared = try await repository.dataIDs(["detector"], query)
        for _ in 0..<6 {
            var rows = 0
            let error = await #expect(throws: ButlerError.self) {
                for try await page in repository.registry.pages(prepared.request, prepared.result) {
                    rows += page.count
                }
            }
            #expect(error?.kind == .dataIDValue)
            #expect(rows == 2000)
            var lines = 0
            await #expect(throws: ButlerError.self) {
                for try await _ in repository.registry.lines(prepared.request, prepared.result) { lines += 1 }
            }
            #expect(lines >= 1)
        }
        try await writes(repository)
    }

    @Test func anAmbiguousCalibrationAfterTheFirstPageSurfaces() async throws {
        let repository = try await QueryRepository.make()
        try await repository.registry.write { writer in
            try writer.insert(
                try (0..<2500).map { number in
                    try QueryRepository.record(
                        writer.universe, "detector",
                        [
                            "instrument": .string("Cam1"), "id": .int(10_000 + Int64(number)),
                            "full_name": .string("D\(number)"),
                        ])
                })
            let ids: [[String: DataIDValue]] = (0..<2500).map { ["instrument": "Cam1", "detector": .int(10_000 + $0)] }
            let first = try QueryRepository.insert(writer, "bias", "run1", ids)
            try writer.registerCollection("many", type: .calibration)
            try writer.certify(first, in: "many", timespan: try QueryRepository.hours(0, 1))
            let second = try QueryRepository.insert(writer, "bias", "refcats", [ids[2400]])
            try writer.certify(second, in: "many", timespan: try QueryRepository.hours(1, 2))
        }
        let prepared = try await repository.datasets("bias", ["many"], .where(order: ["detector"]))
        var rows = 0
        let error = await #expect(throws: ButlerError.self) {
            for try await page in repository.registry.pages(prepared.request, prepared.result) { rows += page.count }
        }
        #expect(error?.kind == .calibrationLookup)
        #expect(rows == 2000)
        // A limit hides it.
        let few = try await repository.datasets("bias", ["many"], .where(order: ["detector"], limit: 2300))
        #expect(try await repository.rows(few).count == 2300)
    }

    @Test func manyStreamsTakeTurns() async throws {
        let repository = try await large()
        let prepared = try await repository.datasets("cat1", ["large"])
        let counts = try await withThrowingTaskGroup { group in
            for _ in 0..<10 {
                group.addTask {
                    var count = 0
                    for try await page in repository.registry.pages(prepared.request, prepared.result) {
                        count += page.count
                    }
                    return count
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(counts == Array(repeating: Self.count, count: 10))
    }
}
