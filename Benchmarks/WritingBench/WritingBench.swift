import Butler
import ButlerModel
import Datastore
import Foundation
import StructuredData

/// What the benchmarks of writing time inside one process, without its start.
///
///     writing-bench put REPOSITORY TYPE RUN COUNT alone|together
///     writing-bench export REPOSITORY TYPE RUN DIRECTORY
///     writing-bench load REPOSITORY COUNT [WRITERS]
///     writing-bench operations REPOSITORY COUNT REPETITIONS
///     writing-bench fits write|read PATH ROWS COLUMNS COUNT none|gzip2|rice1
///
/// Prints one JSON object with `seconds`; `operations` one with the median seconds of each operation.
@main
struct WritingBench {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let first = arguments.first else { throw Usage() }
        if first == "operations", arguments.count == 4, let count = Int(arguments[2]), let times = Int(arguments[3]) {
            print(try await OperationCosts.measure(arguments[1], count, times))
            return
        }
        let seconds =
            switch (first, arguments.count) {
            case ("load", 3): try await RegistryLoad.load(arguments[1], Int(arguments[2]) ?? 0)
            case ("load", 4):
                try await RegistryLoad.load(arguments[1], Int(arguments[2]) ?? 0, writers: Int(arguments[3]) ?? 1)
            case ("put", 6): try await put(Array(arguments.dropFirst()))
            case ("export", 5): try await export(Array(arguments.dropFirst()))
            case ("fits", 7): try FITSTiming(Array(arguments.dropFirst())).run()
            default: throw Usage()
            }
        print(#"{"seconds": \#(seconds)}"#)
    }

    struct Usage: Error, CustomStringConvertible {
        var description: String { "usage: see WritingBench.swift" }
    }

    /// An operation found other datasets than those that were put there.
    struct WrongAnswer: Error, CustomStringConvertible {
        var description: String { "an operation gave a wrong answer" }
    }

    /// Seconds that `body` takes.
    static func time(_ body: () async throws -> Void) async rethrows -> Double {
        let start = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    /// Keeps small JSON datasets: each in a transaction of its own, or all in one.
    private static func put(_ arguments: [String]) async throws -> Double {
        let (type, run) = (arguments[1], arguments[2])
        guard let count = Int(arguments[3]) else { throw Usage() }
        let butler = try await DirectButler.open(arguments[0], writeable: true)
        let datasets = (0..<count).map { DirectButler.NewDataset(.structured(value($0)), type, dataID($0)) }
        let seconds = try await time {
            if arguments[4] == "together" {
                _ = try await butler.put(datasets, run: run)
            } else {
                for dataset in datasets {
                    _ = try await butler.put(dataset.value, type, dataID: dataset.dataID, run: run)
                }
            }
        }
        try await butler.close()
        return seconds
    }

    private static func value(_ number: Int) -> StructuredValue {
        var value = StructuredMapping()
        value["number"] = .int(Int64(number))
        value["name"] = .string("dataset \(number)")
        value["mean"] = .float(Double(number) / 7)
        value["values"] = .array((0..<8).map { StructuredValue.int(Int64($0 * number)) })
        return .object(value)
    }

    private static func dataID(_ number: Int) -> [String: DataIDValue] {
        let exposure = Int64(number / 100)
        let detector = Int64(number % 100)
        return ["instrument": .string("Bench"), "exposure": .int(exposure), "detector": .int(detector)]
    }

    /// Exports all datasets of a type in a run; their files are linked.
    private static func export(_ arguments: [String]) async throws -> Double {
        let (type, run) = (arguments[1], arguments[2])
        let butler = try await DirectButler.open(arguments[0])
        let seconds = try await time {
            try await butler.export(to: arguments[3], transfer: .hardlink) { export in
                var pages = butler.query.datasets(type, in: [run]).pages.makeAsyncIterator()
                try await export.saveDatasets { try await pages.next() }
            }
        }
        try await butler.close()
        return seconds
    }
}
