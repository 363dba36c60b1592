import AstroTime
import ButlerModel
import Database
import Registry
import Testing

@Suite struct CalibrationWritingTests {
    /// Two datasets of detector 1 and one of detector 2.
    private static func datasets(_ writer: RegistryWriter) throws -> [DatasetRef] {
        let type = try writer.snapshot.datasetType("bias")
        let ids = try [1, 2].map {
            try writer.snapshot.standardize(["instrument": "Cam", "detector": .int($0)], for: type)
        }
        return try writer.insertDatasets(type, run: "run/a", dataIDs: ids)
            + writer.insertDatasets(type, run: "run/b", dataIDs: [ids[0]])
    }

    /// The validity ranges in 'calib', in order.
    private static func ranges(_ snapshot: RegistrySnapshot) throws -> [Timespan] {
        try snapshot.connection.fetchAll(
            """
            SELECT \(result: .column()) FROM \(table: "dataset_calibs_00000002") \
            ORDER BY \(TimespanExpression.column().begin)
            """
        ) { try $0.timespan(0) ?? .empty }
    }

    @Test(
        arguments: [
            ((0, 100), (20, 50), [(0, 20), (50, 100)]),
            ((0, 100), (0, 50), [(50, 100)]),
            ((0, 100), (50, 200), [(0, 50)]),
            ((0, 100), (-10, 200), []),
            ((0, 100), (100, 200), [(0, 100)]),
        ] as [((Int64, Int64), (Int64, Int64), [(Int64, Int64)])])
    func decertifyingLeavesTheRest(
        _ certified: (Int64, Int64), _ cleared: (Int64, Int64), _ rest: [(Int64, Int64)]
    ) async throws {
        let made = try await TemporaryRegistry.filled()
        let left = try await made.registry.write { writer in
            let refs = try Self.datasets(writer)
            try writer.certify([refs[0]], in: "calib", timespan: try span(certified.0, certified.1))
            let count = try writer.decertify("bias", in: "calib", timespan: try span(cleared.0, cleared.1))
            #expect(count == (rest.map { "\($0)" } == ["\(certified)"] ? 0 : 1))
            return try Self.ranges(writer.snapshot)
        }
        #expect(try left == rest.map { try span($0.0, $0.1) })
    }

    @Test func unboundedRangesAreCutAndSomeDataIDsSpared() async throws {
        let made = try await TemporaryRegistry.filled()
        let left = try await made.registry.write { writer in
            let refs = try Self.datasets(writer)
            try writer.certify([refs[0], refs[1]], in: "calib", timespan: .unbounded)
            #expect(
                try writer.decertify("bias", in: "calib", timespan: try span(0, 10), dataIDs: [refs[1].dataID]) == 1)
            #expect(try writer.decertify("bias", in: "calib", timespan: try span(0, 10), dataIDs: []) == 0)
            return try Self.ranges(writer.snapshot)
        }
        let cut = try span(0, 10)
        #expect(
            Set(left) == [
                .unbounded, try Timespan(begin: nil, end: cut.begin), try Timespan(begin: cut.end, end: nil),
            ])
        #expect(left.count == 3)
    }

    @Test func aClearedTimeCanBeCertifiedAgain() async throws {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.write { writer in
            let refs = try Self.datasets(writer)
            try writer.certify([refs[0]], in: "calib", timespan: try span(0, 100))
            #expect(throws: ButlerError.self) {
                try writer.certify([refs[2]], in: "calib", timespan: try span(40, 60))
            }
            try writer.decertify("bias", in: "calib", timespan: try span(40, 60))
            try writer.certify([refs[2]], in: "calib", timespan: try span(40, 60))
            // The same dataset twice is one, and empty ranges overlap nothing.
            try writer.certify([refs[1], refs[1]], in: "calib", timespan: try span(0, 1))
            try writer.certify([refs[0], refs[2]], in: "calib", timespan: .empty)
        }
        let found = try await made.registry.read { snapshot in
            try snapshot.findDataset(
                try snapshot.datasetType("bias"), dataID: ["instrument": "Cam", "detector": 1],
                collections: ["calib"], time: .during(try span(45, 46)))
        }
        #expect(found?.run == "run/b")
    }

    @Test func whatCannotBeCertifiedIsRefused() async throws {
        let made = try await TemporaryRegistry.filled()
        typealias Change = @Sendable (RegistryWriter, [DatasetRef]) throws -> Void
        let cases: [(ButlerError.Kind, Change)] = [
            (.collectionType, { try $0.certify($1, in: "tag", timespan: .unbounded) }),
            (.missingCollection, { try $0.certify($1, in: "nosuch", timespan: .unbounded) }),
            (.conflictingDefinition, { try $0.certify($1, in: "calib", timespan: .unbounded) }),
            (
                .conflictingDefinition,
                {
                    let unknown = DatasetRef(
                        id: .unique(unixMilliseconds: 1), datasetType: $1[0].datasetType, dataID: $1[0].dataID,
                        run: "run/a")
                    try $0.certify([unknown], in: "calib", timespan: .unbounded)
                }
            ),
            (.collectionType, { writer, _ in try writer.decertify("bias", in: "tag", timespan: .unbounded) }),
            (
                .datasetTypeExpression,
                { writer, _ in try writer.decertify("image", in: "calib", timespan: .unbounded) }
            ),
            (.missingDatasetType, { writer, _ in try writer.decertify("nosuch", in: "calib", timespan: .unbounded) }),
            (
                .datasetTypeExpression,
                { writer, _ in
                    let type = try writer.snapshot.datasetType("image")
                    let id = try writer.snapshot.standardize(
                        ["instrument": "Cam", "visit": 1, "detector": 2], for: type)
                    try writer.certify(
                        try writer.insertDatasets(type, run: "run/a", dataIDs: [id]), in: "calib", timespan: .unbounded)
                }
            ),
        ]
        for (index, (kind, change)) in cases.enumerated() {
            let error = await #expect(throws: ButlerError.self, "case \(index)") {
                try await made.registry.write { writer in try change(writer, try Self.datasets(writer)) }
            }
            #expect(error?.kind == kind, "case \(index)")
        }
    }
}
