import ButlerModel
import Database
import Registry
import Testing

@Suite struct ChainWritingTests {
    /// Members and their positions after some edits of the chain 'chain', which begins as (run/b, run/a).
    private func after(
        _ edit: @escaping @Sendable (RegistryWriter) throws -> Void
    ) async throws -> (names: [String], positions: [Int64]) {
        let made = try await TemporaryRegistry.filled()
        try await made.registry.write(edit)
        return try await made.registry.read { snapshot in
            let names = try snapshot.collectionInfo(CollectionSearch(["chain"]))[0].children
            let positions = try snapshot.connection.fetchAll(
                """
                SELECT \(column: "position") FROM \(table: "collection_chain") WHERE \(column: "parent") = \
                (SELECT \(column: "collection_id") FROM \(table: "collection") WHERE \(column: "name") = 'chain') \
                ORDER BY \(column: "position")
                """
            ) { try $0.int(0) }
            return (names, positions)
        }
    }

    @Test func positionsAreThoseOfThePythonSoftware() async throws {
        var outcome = try await after { try $0.setChain("chain", children: ["run/a", "tag", "run/a"]) }
        #expect(outcome == (["run/a", "tag"], [0, 1]))
        outcome = try await after { try $0.extendChain("chain", children: ["run/b", "tag"]) }
        #expect(outcome == (["run/a", "run/b", "tag"], [1, 2, 3]))
        outcome = try await after { try $0.prependToChain("chain", children: ["tag", "run/a"]) }
        #expect(outcome == (["tag", "run/a", "run/b"], [-2, -1, 0]))
        outcome = try await after { try $0.removeFromChain("chain", children: ["run/b", "tag"]) }
        #expect(outcome == (["run/a"], [1]))
        outcome = try await after { writer in
            try writer.setChain("chain", children: [])
            try writer.extendChain("chain", children: ["tag"])
            try writer.prependToChain("chain", children: ["calib"])
        }
        #expect(outcome == (["calib", "tag"], [0, 1]))
    }

    @Test func membersArePoppedByPlace() async throws {
        for (places, popped, rest) in [
            ([0], ["run/b"], ["run/a"]), ([-1], ["run/a"], ["run/b"]), ([0, -1], ["run/b", "run/a"], []),
        ] {
            let outcome = try await after { writer in
                let names = try writer.popFromChain("chain", at: places)
                #expect(names == popped)
            }
            #expect(outcome.names == rest)
        }
        for place in [2, -3] {
            let error = await #expect(throws: ButlerError.self) {
                try await after { _ = try $0.popFromChain("chain", at: [place]) }
            }
            #expect(error?.message.contains("has 2 members") == true)
        }
    }

    @Test func positionsThatRunOutAreGivenAnew() async throws {
        var outcome = try await after { writer in
            try writer.connection.execute(
                "UPDATE \(table: "collection_chain") SET \(column: "position") = \(column: "position") + 32766")
            try writer.extendChain("chain", children: ["tag"])
        }
        #expect(outcome == (["run/b", "run/a", "tag"], [-32768, -32767, -32766]))
        outcome = try await after { writer in
            try writer.connection.execute(
                "UPDATE \(table: "collection_chain") SET \(column: "position") = \(column: "position") - 32767")
            try writer.prependToChain("chain", children: ["tag", "calib"])
        }
        #expect(outcome == (["tag", "calib", "run/b", "run/a"], [0, 1, 2, 3]))
    }

    @Test func everyVerbRefusesWhatCannotBe() async throws {
        let made = try await TemporaryRegistry.filled()
        typealias Verb = @Sendable (RegistryWriter, String, [String]) throws -> Void
        let verbs: [Verb] = [
            { try $0.setChain($1, children: $2) }, { try $0.prependToChain($1, children: $2) },
            { try $0.extendChain($1, children: $2) },
        ]
        try await made.registry.write { writer in
            try writer.registerCollection("outer", type: .chained)
            try writer.setChain("outer", children: ["chain"])
        }
        for verb in verbs {
            for (parent, children, kind) in [
                ("chain", ["outer"], ButlerError.Kind.collectionCycle), ("chain", ["chain"], .collectionCycle),
                ("chain", ["nosuch"], .missingCollection), ("nosuch", ["run/a"], .missingCollection),
                ("run/a", ["run/b"], .collectionType), ("tag", ["run/b"], .collectionType),
            ] {
                let error = await #expect(throws: ButlerError.self) {
                    try await made.registry.write { try verb($0, parent, children) }
                }
                #expect(error?.kind == kind)
            }
        }
        let children = try await made.registry.read { try $0.collectionInfo(CollectionSearch(["chain"]))[0].children }
        #expect(children == ["run/b", "run/a"])
    }

    @Test func editsAtTheSameTimeAllCount() async throws {
        let made = try await TemporaryRegistry.filled()
        let registry = made.registry
        try await registry.write { writer in
            for number in 0..<24 { try writer.registerCollection("r/\(number)", type: .run) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<24 {
                group.addTask {
                    try await registry.write { writer in
                        if number.isMultiple(of: 2) {
                            try writer.extendChain("chain", children: ["r/\(number)"])
                        } else {
                            try writer.prependToChain("chain", children: ["r/\(number)"])
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let children = try await registry.read { try $0.collectionInfo(CollectionSearch(["chain"]))[0].children }
        #expect(children.count == 26)
        #expect(Set(children).count == 26)
        #expect(Array(children[12..<14]) == ["run/b", "run/a"])
    }
}
