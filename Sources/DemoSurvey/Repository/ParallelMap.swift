import Foundation

/// Work on many things at a time.
enum ParallelMap {
    /// The results of `body` for all elements, in their order. As many run at a time as there are processors; the first
    /// error cancels the rest.
    static func run<Element: Sendable, Result: Sendable>(
        _ elements: [Element], _ body: @escaping @Sendable (Element) throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results = [Result?](repeating: nil, count: elements.count)
            var next = 0
            func add() {
                guard next < elements.count else { return }
                let (index, element) = (next, elements[next])
                next += 1
                group.addTask {
                    try Task.checkCancellation()
                    return (index, try body(element))
                }
            }
            for _ in 0..<max(1, ProcessInfo.processInfo.activeProcessorCount) { add() }
            while let (index, result) = try await group.next() {
                results[index] = result
                add()
            }
            return results.compactMap(\.self)
        }
    }
}
