/// The rows of a statement, page by page. The statement runs anew for each iteration.
public struct DatabasePages<Page: Sendable>: AsyncSequence, Sendable {
    public typealias Element = Page

    private let makeSource: @Sendable () -> any PageSource<Page>

    init(makeSource: @escaping @Sendable () -> any PageSource<Page>) { self.makeSource = makeSource }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(lifetime: Lifetime(source: makeSource())) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let lifetime: Lifetime

        /// The next page; `nil` after the last one.
        public mutating func next() async throws -> Page? { try await lifetime.source.next() }
    }

    /// Ends the transaction when the last copy of an iterator goes.
    fileprivate final class Lifetime {
        let source: any PageSource<Page>

        init(source: any PageSource<Page>) { self.source = source }

        deinit { source.finish() }
    }
}

/// A running statement that yields pages.
protocol PageSource<Page>: AnyObject, Sendable {
    associatedtype Page: Sendable

    /// The next page; `nil` at the end, when the transaction is over.
    func next() async throws -> Page?

    /// Ends the statement and its transaction. May be called at any time, and repeatedly.
    func finish()
}
