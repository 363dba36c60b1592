import ButlerModel
import QueryModel
import StructuredData
import TestSupport
import Testing

/// Conjunctive normal form: query system reference, section 2.2.
@Suite struct PredicateAlgebraTests {
    private func leaf(_ dimension: String, _ value: Int64) throws -> Predicate {
        Predicate(try .comparing(try key(dimension), .equal, .literal(.int(value))))
    }

    private func leaves(_ count: Int) throws -> [PredicateLeaf] {
        let visit = try key("visit")
        return (0..<count).map { .comparison(visit, .equal, .literal(.int(Int64($0)))) }
    }

    @Test func orOfAndsIsTheProductOfTheirGroupsInOrder() throws {
        let either = try leaf("visit", 1).and(leaf("detector", 2)).or(leaf("visit", 3).and(leaf("detector", 4)))
        #expect(
            either.description
                == "(visit = 1 OR visit = 3) AND (visit = 1 OR detector = 4) AND (detector = 2 OR visit = 3) AND "
                + "(detector = 2 OR detector = 4)")
    }

    @Test func notOfAnOrIsAnAndOfNegatedLeavesAndBack() throws {
        let either = try leaf("visit", 1).or(leaf("detector", 2))
        #expect(try either.negated().description == "NOT visit = 1 AND NOT detector = 2")
        #expect(try either.negated().negated() == either)
    }

    @Test func notOfAnAndIsAnOrOfNegatedLeaves() throws {
        let both = try leaf("visit", 1).and(leaf("detector", 2))
        #expect(try both.negated().description == "(NOT visit = 1 OR NOT detector = 2)")
    }

    @Test func notOfGroupsChoosesOneLeafOfEachInOrder() throws {
        let predicate = Predicate(groups: [try leaves(2), try leaves(3)])
        let chosen = try predicate.negated().groups.map { group in group.map(\.description) }
        #expect(
            chosen == [
                ["NOT visit = 0", "NOT visit = 0"], ["NOT visit = 0", "NOT visit = 1"],
                ["NOT visit = 0", "NOT visit = 2"],
                ["NOT visit = 1", "NOT visit = 0"], ["NOT visit = 1", "NOT visit = 1"],
                ["NOT visit = 1", "NOT visit = 2"],
            ])
    }

    @Test func trueAndFalseAbsorbAndVanish() throws {
        let some = try leaf("visit", 1)
        let (yes, no) = (Predicate.alwaysTrue, Predicate.alwaysFalse)
        #expect(yes.and(some) == some && some.and(yes) == some)
        #expect(no.and(some) == no && some.and(no) == no)
        #expect(try yes.or(some) == yes && some.or(yes) == yes)
        #expect(try no.or(some) == some && some.or(no) == some)
        #expect(try yes.or(no) == yes && no.or(yes) == yes && no.or(no) == no)
        #expect(try yes.negated() == no && no.negated() == yes)
        #expect(yes.description == "TRUE" && no.description == "FALSE")
        #expect(yes.wire == ["operands": []] && no.wire == ["operands": [[]]])
    }

    @Test func aPredicateWithAnEmptyGroupIsFalseWhateverElseItHas() throws {
        let odd = Predicate(groups: [try leaves(1), []])
        #expect(odd.isAlwaysFalse)
        #expect(try odd.negated() == .alwaysTrue)
        #expect(odd.and(.alwaysTrue) == .alwaysFalse)
        #expect(try odd.or(try leaf("detector", 1)) == (try leaf("detector", 1)))
    }

    @Test func nothingIsSimplified() throws {
        let one = try leaf("visit", 1)
        #expect(one.and(one).groups.count == 2)
        #expect(try one.or(one).groups == [one.groups[0] + one.groups[0]])
    }

    @Test func theAlgebraAgreesWithTruthTables() throws {
        let names = ["visit", "detector", "exposure"]
        let atoms = try names.map { try leaf($0, 1) }
        func holds(_ predicate: Predicate, _ truth: [Bool]) throws -> Bool {
            try predicate.groups.allSatisfy { group in
                try group.contains { leaf in
                    let index = try #require(
                        atoms.firstIndex { $0.groups[0][0] == leaf || $0.groups[0][0] == leaf.negation })
                    return truth[index] == (atoms[index].groups[0][0] == leaf)
                }
            }
        }
        var random = SeededGenerator(seed: 4)
        for _ in 0..<300 {
            var predicate = try #require(atoms.randomElement(using: &random))
            var meaning: ([Bool]) throws -> Bool = { [predicate] truth in try holds(predicate, truth) }
            for _ in 0..<4 {
                let atom = try #require(atoms.indices.randomElement(using: &random))
                let before = meaning
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    predicate = predicate.and(atoms[atom])
                    meaning = { try before($0) && $0[atom] }
                case 1:
                    predicate = try predicate.or(atoms[atom])
                    meaning = { try before($0) || $0[atom] }
                default:
                    predicate = try predicate.negated()
                    meaning = { try !before($0) }
                }
            }
            for bits in 0..<8 {
                let truth = (0..<3).map { bits & (1 << $0) != 0 }
                #expect(try holds(predicate, truth) == meaning(truth), "\(predicate) \(truth)")
            }
        }
    }

    // MARK: Size

    @Test(.timeLimit(.minutes(5))) func aProductThatExplodesIsAnErrorAtOnce() throws {
        let long = Predicate(groups: try leaves(1000).map { [$0] })
        let wide = Predicate(groups: Array(repeating: try leaves(10), count: 30))
        expectError(.invalidQuery, "more than 200000 terms") { _ = try long.or(long) }
        expectError(.invalidQuery, "more than 200000 terms") { _ = try wide.negated() }
        expectError(.invalidQuery, "more than 200000 terms") { _ = try wide.or(wide).negated() }
    }

    @Test func countsThatOverflowAreErrorsToo() throws {
        // 3 to the power of 60 choices.
        let predicate = Predicate(groups: Array(repeating: try leaves(3), count: 60))
        expectError(.invalidQuery, "too complex") { _ = try predicate.negated() }
    }

    @Test(.timeLimit(.minutes(5))) func negatingALongConditionTakesLinearTime() throws {
        let all = try leaves(Predicate.maximumLeafCount)
        #expect(try Predicate(groups: all.map { [$0] }).negated().groups.map(\.count) == [all.count])
        #expect(try Predicate(groups: [all]).negated().groups.count == all.count)
    }

    @Test(.timeLimit(.minutes(5)), arguments: ["AND", "OR"])
    func longChainsInTextTakeLinearTime(word: String) throws {
        let text = (0..<50_000).map { "visit = \($0)" }.joined(separator: " \(word) ")
        let context = IdentifierContext(dimensions: try universe().group(["visit"]))
        let predicate = try Predicate(text, in: context)
        #expect(predicate.groups.count * predicate.groups[0].count == 50_000)
    }
}
