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
            try await POSIXObjectStore.sharedPool.run { [journal] in
                try journal.setAsideList.add(SetAsideRequest(request, destination, reason: reason))
            }
        } catch {
            log.problem("\(request.file) cannot be set aside, and is tried again: \(error)")
            return false
        }
        finish(request, destination)
        if outlook == .gone { metrics.lost() }
        metrics.setAside(destination, outlook)
        log.setAside(request, destination, because: reason)
        return true
    }

    /// Does what operators want done with what is set aside. Looks for their orders for ever.
    func carryOutOrders() async {
        var told: Set<String> = []
        while !Task.isCancelled {
            var problems: Set<String> = []
            do {
                let (orders, unusable) = try await POSIXObjectStore.sharedPool.run { [journal] in
                    try SpoolOrder.waiting(journal.folder)
                }
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
        let entries = journal.setAsideList.entries.filter(order.concerns)
        switch order.action {
        case .forget:
            try await POSIXObjectStore.sharedPool.run { [journal] in
                try journal.forget(entries)
                order.isDone()
            }
            log.note("\(entries.count) requests that were set aside are forgotten")
        case .retry:
            let known = entries.filter { destination($0.destination) != nil }
            // The list is written anew each time, so not for single requests.
            if order.isUnderWay, journal.room < min(known.count, max(1, settings.spoolLimit / 16)) { return }
            let back = try await POSIXObjectStore.sharedPool.run { [journal] in
                let back = try journal.bringBack(known)
                if back.count == known.count { order.isDone() } else { order.isBegun() }
                return back
            }
            for (request, name) in back {
                if let destination = destination(name) { enqueue(request, destination, because: .recovery) }
            }
            if !back.isEmpty { log.note("\(back.count) requests that were set aside are sent again") }
            if order.isUnderWay { return }
            if known.count < entries.count {
                log.problem(
                    "\(entries.count - known.count) requests stay set aside: their destinations are not configured")
            }
            if back.count < known.count {
                log.note(
                    "\(known.count - back.count) requests stay set aside until half of the spool is free")
            }
        }
    }
}
