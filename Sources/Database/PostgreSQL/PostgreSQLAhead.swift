import CLibPQ
import Foundation

/// A statement that the server runs while its answer is not waited for.
final class PostgreSQLAhead {
    let statement: String
    fileprivate var answer: Result<PostgreSQLResult, any Error>?

    fileprivate init(_ statement: String) { self.statement = statement }
}

/// One statement at a time may be ahead. Whatever is sent next reads its answer first, which the library then keeps.
extension PostgreSQLHandle {
    /// Sends a statement without values, whose rows come in binary form.
    func sendAhead(_ text: String) throws -> PostgreSQLAhead {
        try checkCancelled()
        try clear()
        guard let pointer, PQsendQueryParams(pointer, text, 0, nil, nil, nil, nil, 1) == 1, PQflush(pointer) >= 0 else {
            throw lost()
        }
        let sent = PostgreSQLAhead(text)
        ahead = sent
        return sent
    }

    /// Waits for the answer of a statement.
    func answer(of sent: PostgreSQLAhead) throws -> PostgreSQLResult {
        try checkCancelled()
        if ahead === sent { try takeAhead() }
        guard let answer = sent.answer else { throw lost("the connection ended before an answer came") }
        sent.answer = nil
        return try answer.get()
    }

    /// Makes room on the connection.
    ///
    /// - Throws: what the statement ahead met, if it failed: the transaction has failed with it.
    func takeAhead() throws {
        guard let sent = ahead else { return }
        ahead = nil
        do {
            guard let last = try collect(statement: sent.statement, table: nil).last else { throw lost("no answer came") }
            sent.answer = .success(last)
        } catch {
            sent.answer = .failure(error)
            throw error
        }
    }

    /// Milliseconds without a word after which a batch is a long one.
    private static var silence: Int32 { 20 }

    /// Does without the answer: at the end of a transaction that is undone anyway.
    func dropAhead() {
        guard let pointer, let sent = ahead else { return }
        ahead = nil
        var isLong = false
        while !isLong, PQconsumeInput(pointer) == 1, PQisBusy(pointer) == 1 {
            var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(POLLIN), revents: 0)
            isLong = poll(&descriptor, 1, Self.silence) == 0
        }
        if isLong { canceller.cancel() }
        do {
            _ = try collect(statement: sent.statement, table: nil)
        } catch {
            // Nobody wants to know, and a connection that is lost is made anew.
        }
        // A request that the server has got is met by the end of the transaction at the latest.
        if isLong, canceller.endTurn() == .late { disconnect() }
    }
}
