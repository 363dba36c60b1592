import Testing

@testable import Butler

/// Work of which one step runs while the next is prepared.
@Suite struct StepBehindTests {
    private enum Failure: Error { case step, body }

    @Test func anErrorOfTheStepComesBeforeThatOfWhatCameAfterIt() async throws {
        let steps = StepBehind()
        await #expect(throws: Failure.step) {
            try await steps.around {
                try await steps.next {
                    // Not before the other has failed, which cancels nothing that does not look.
                    for _ in 0..<100 where !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
                    throw Failure.step
                }
                throw Failure.body
            }
        }
    }

    @Test func aStepThatIsCancelledHidesNoError() async throws {
        let steps = StepBehind()
        await #expect(throws: Failure.body) {
            try await steps.around {
                try await steps.next { try await Task.sleep(for: .seconds(60)) }
                throw Failure.body
            }
        }
    }

    @Test func theErrorOfTheLastStepIsThrown() async throws {
        let steps = StepBehind()
        await #expect(throws: Failure.step) {
            try await steps.around { try await steps.next { throw Failure.step } }
        }
        await #expect(throws: Failure.step) {
            try await steps.around {
                try await steps.next { throw Failure.step }
                try await steps.next {}
            }
        }
    }
}
