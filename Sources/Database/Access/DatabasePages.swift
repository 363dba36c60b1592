/// Makes pages out of what it reads in a transaction. It works on the connection's thread.
public protocol PageProducer<Page>: AnyObject {
    associatedtype Page: Sendable

    /// The next page; `nil` at the end.
    func nextPage() throws -> Page?

    /// Whether it is known that no page is left, so that the transaction can end at once.
    var isAtEnd: Bool { get }
}

/// Pages out of the rows of one statement, row by row.
final class StatementPages<Page: Sendable>: PageProducer {
    private let cursor: any DatabaseCursor
    private let pageSize: Int
    private let makePage: @Sendable () -> Page
    private let append: @Sendable (inout Page, any DatabaseRow) throws -> Void
    private(set) var isAtEnd = false

    init(
        cursor: any DatabaseCursor, pageSize: Int, makePage: @escaping @Sendable () -> Page,
        append: @escaping @Sendable (inout Page, any DatabaseRow) throws -> Void
    ) {
        self.cursor = cursor
        self.pageSize = pageSize
        self.makePage = makePage
        self.append = append
    }

    func nextPage() throws -> Page? {
        guard !isAtEnd else { return nil }
        var page = makePage()
        var count = 0
        while count < pageSize {
            guard try cursor.step() else {
                isAtEnd = true
                cursor.finish()
                break
            }
            try append(&page, cursor.row)
            count += 1
        }
        return count == 0 ? nil : page
    }
}

/// The pages of a producer. It starts anew for each iteration.
public struct DatabasePages<Page: Sendable>: AsyncSequence, Sendable {
    public typealias Element = Page

    let makeSource: @Sendable () -> any PageSource<Page>

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
