import Foundation
import ObjectStorage

/// Requests that cannot arrive are set aside, and brought back when an operator wants it.
extension Dispatcher {
    /// Sets a request aside if it is time.
    ///
    /// - Returns: whether it is not to be tried any more.
    func isSetAside(
        _ request: TransferRequest, _ destination: String, _ error: any Error, _ tries: Tries
    ) async -> Bool {
        let outlook = Outlook(error)
        guard outlook != .passing else {
            do { try journal.notRefused(request.id, destination) } catch { log.problem("\(error)") }
            return false
        }
        let now = Date().timeIntervalSince1970
        var first = now
        // Without the line in the spool the time is counted from a later refusal.
        do { first = try journal.refused(request.id, destination, now: now) } catch { log.problem("\(error)") }
        guard tries.areOver(patience: settings.patience, age: now - first) else { return false }
        return await setAside(request, destination, outlook, because: "\(error)")
    }

    func setAside(
        _ request: TransferRequest, _ destination: String, _ outlook: Outlook, because reason: String
    ) async -> Bool {
        do {
            let problem = try await POSIXObjectStore.sharedPool.run { [journal] in
                try journal.setAside(
                    SetAsideRequest(
                        request, destination, reason: reason, fileTag: LocalFile.status(request.file)?.etag))
            }
            if let problem { log.problem("\(problem)") }
        } catch {
            log.problem("\(request.file) cannot be set aside, and is tried again: \(error)")
            return false
        }
        if outlook == .gone { metrics.lost() }
        metrics.setAside(destination, outlook)
        log.setAside(request, destination, because: reason)
        return true
    }

    /// Does what operators want done with what is set aside. Looks for their orders for ever.
    func carryOutOrders() async {
        var told: Set<String> = []
        var known: [SpoolOrder] = []
        while !Task.isCancelled {
            var problems: Set<String> = []
            do {
                let (orders, unusable) = try await POSIXObjectStore.sharedPool.run { [journal, known] in
                    try SpoolOrder.waiting(journal.folder, known: known)
                }
                known = orders
                problems = Set(unusable.map { "an order is not carried out: \($0)" })
                for order in orders { try await carryOut(order) }
            } catch { problems.insert("\(error)") }
            // They are looked at every second.
            for problem in problems.subtracting(told).sorted() { log.problem(problem) }
            told = problems
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func carryOut(_ order: SpoolOrder) async throws {
        switch order.action {
        case .forget:
            let count = try await POSIXObjectStore.sharedPool.run { [journal] in
                let count = try journal.forget(order.concerns)
                order.isDone()
                return count
            }
            log.note("\(count) requests that were set aside are forgotten")
        case .retry:
            // The list is written anew each time, so not for single requests.
            let most = max(1, min(order.requests.count, settings.spoolLimit / 16))
            if order.isUnderWay, journal.room < most { return }
            let (back, left) = try await POSIXObjectStore.sharedPool.run { [self] in
                let found = try journal.bringBack { order.concerns($0) && destination($0.destination) != nil }
                if found.left == 0 { order.isDone() } else { order.isBegun() }
                return found
            }
            for (request, name) in back {
                if let destination = destination(name) { enqueue(request, destination, because: .recovery) }
            }
            if !back.isEmpty { log.note("\(back.count) requests that were set aside are sent again") }
            if order.isUnderWay { return }
            if left > 0 { log.note("\(left) requests stay set aside until half of the spool is free") }
            let unknown = journal.setAsideList.entries.count { order.concerns($0) && destination($0.destination) == nil }
            if unknown > 0 {
                log.problem("\(unknown) requests stay set aside: their destinations are not configured")
            }
        }
    }
}
