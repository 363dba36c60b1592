import Butler
import ButlerModel
import Foundation
import Registry

/// What users do with a repository that ``RegistryLoad`` has made, and the seconds that each takes.
final class OperationCosts {
    private static let chain = RegistryLoad.chain
    private static let more = RegistryLoad.more

    private let butler: DirectButler
    private let count: Int
    private let exposures: Int
    private let repetitions: Int
    private var results: [(name: String, seconds: Double)] = []

    private init(_ butler: DirectButler, count: Int, repetitions: Int) {
        self.butler = butler
        self.count = count
        self.repetitions = repetitions
        exposures = max(1, count / RegistryLoad.detectors)
    }

    /// The median seconds of operations, by name, as JSON.
    static func measure(_ repository: String, _ count: Int, _ repetitions: Int) async throws -> String {
        let butler = try await DirectButler.open(repository, writeable: true)
        let costs = OperationCosts(butler, count: count, repetitions: repetitions)
        try await costs.lookUp()
        try await costs.page()
        try await costs.ask()
        try await costs.stream()
        try await costs.change()
        try await costs.lookAgain()
        try await butler.close()
        return "{" + costs.results.map { #""\#($0.name)": \#($0.seconds)"# }.joined(separator: ", ") + "}"
    }

    // MARK: Kinds of operations

    private func lookUp() async throws {
        for (place, name) in [(RegistryLoad.run, ""), (Self.chain, ", chain")] {
            try await time("find_dataset\(name)") {
                try await find(in: place)
            }
            try await time("datasets of an exposure\(name)") {
                let refs = try await datasets(place, "exposure = \(anyExposure())").all()
                try require(refs.count == RegistryLoad.detectors)
            }
        }
        try await time("summary of a chain") {
            let info = try await butler.collections.info(Self.chain, includeSummary: true)
            try require(info.name == Self.chain)
        }
        try await time("exposures of a day") {
            _ = try await butler.queryDimensionRecords(
                "exposure", where: "instrument = '\(RegistryLoad.instrument)' AND exposure.day_obs = 20300000")
        }
    }

    private func page() async throws {
        for (place, name) in [(RegistryLoad.run, ""), (Self.chain, ", chain")] {
            try await time("page of 1000, first\(name)") { try await takePage(datasets(place)) }
            try await time("page of 1000, behind a key\(name)") {
                let key = anyExposure() / 2 + Int64(exposures / 2)
                try await takePage(datasets(place, "exposure >= \(key)"))
            }
        }
        try await time("page of 1000 with records, chain") {
            try await takePage(datasets(Self.chain).withDimensionRecords())
        }
    }

    private func ask() async throws {
        try await time("any, chain") { try require(try await datasets(Self.chain).any()) }
        try await time("count of a day, chain") {
            _ = try await datasets(Self.chain, "exposure.day_obs = 20300000").count()
        }
        try await time("count of all, chain", most: 3) { try require(try await datasets(Self.chain).count() >= count) }
    }

    private func stream() async throws {
        for (place, name) in [(RegistryLoad.run, "all datasets"), (Self.chain, "all datasets, chain")] {
            try await time(name, most: 1) {
                var seen = 0
                for try await page in butler.query.datasets(RegistryLoad.type, in: [place]).pages { seen += page.count }
                try require(seen == count)
            }
        }
    }

    private func change() async throws {
        var exposure = -1
        let most = min(repetitions, exposures - 1)
        try await time("insert 200 datasets", most: most) {
            exposure += 1
            let number = exposure
            try await butler.registry.write { try RegistryLoad.insert($0, run: Self.more, exposure: number) }
        }
        try await time("remove 200 datasets", most: max(0, most - 1)) {
            let refs = try await butler.query.datasets(RegistryLoad.type, in: [Self.more]).limit(200).all()
            try await butler.registry.write { _ = try $0.removeDatasets(refs.map(\.id)) }
        }
    }

    /// What it costs to see the small tables anew, which every change by anybody makes necessary.
    private func lookAgain() async throws {
        try await butler.registry.write { writer in
            for number in 0..<Self.manyRuns { try writer.registerCollection("Big/many/\(number)", type: .run) }
        }
        let change = {
            try await self.butler.registry.write { writer in
                try writer.setDocumentation("\(ContinuousClock.now)", of: Self.more)
            }
        }
        try await time("find_dataset after a change, 1000 runs", before: change) {
            try await find(in: RegistryLoad.run)
        }
    }

    // MARK: Parts

    private static let manyRuns = 1000

    private func find(in collection: String) async throws {
        let found = try await butler.findDataset(
            RegistryLoad.type,
            dataID: [
                "instrument": .string(RegistryLoad.instrument), "exposure": .int(anyExposure()), "detector": .int(7),
            ], collections: [collection], time: .ofDataID)
        try require(found != nil)
    }

    private func time(
        _ name: String, most: Int = .max, before: () async throws -> Void = {}, _ body: () async throws -> Void
    ) async throws {
        try await body()
        var seconds: [Double] = []
        for _ in 0..<max(1, min(repetitions, most)) {
            try await before()
            seconds.append(try await WritingBench.time(body))
        }
        results.append((name, seconds.sorted()[seconds.count / 2]))
    }

    private func anyExposure() -> Int64 { Int64.random(in: 0..<Int64(exposures)) }

    private func datasets(_ place: String, _ condition: String? = nil) -> QueryResults<DatasetRef> {
        let constant = "instrument = '\(RegistryLoad.instrument)'"
        return butler.query.datasets(RegistryLoad.type, in: [place])
            .where(condition.map { "\(constant) AND \($0)" } ?? constant)
    }

    private func takePage(_ results: QueryResults<DatasetRef>) async throws {
        _ = try await results.orderBy("exposure", "detector").limit(1000).all()
    }

    private func require(_ isRight: Bool) throws {
        if !isRight { throw WritingBench.WrongAnswer() }
    }
}
