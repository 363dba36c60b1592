import NIOCore

/// Closes the connections of a loop that say nothing for a while, as they hold places. One timer looks after all of them, once a
/// second, so that a short request sets none.
///
/// `@unchecked Sendable`: it is touched on its loop only.
final class SilenceWatch: @unchecked Sendable {
    let patience: TimeAmount
    private let loop: any EventLoop
    private var heard: [ObjectIdentifier: (context: ChannelHandlerContext, last: NIODeadline)] = [:]
    private var isTimed = false

    init(_ loop: any EventLoop, patience: TimeAmount = .seconds(30)) {
        self.loop = loop
        self.patience = patience
    }

    /// Begins to wait for what a connection says, also once more.
    func watch(_ context: ChannelHandlerContext) {
        heard[ObjectIdentifier(context)] = (context, loop.now)
        setTimer()
    }

    func forget(_ context: ChannelHandlerContext) { heard[ObjectIdentifier(context)] = nil }

    private func setTimer() {
        guard !isTimed, !heard.isEmpty else { return }
        isTimed = true
        loop.scheduleTask(in: min(patience, .seconds(1))) {
            self.isTimed = false
            self.closeSilent()
            self.setTimer()
        }
    }

    private func closeSilent() {
        let limit = loop.now - patience
        for (context, last) in heard.values where last <= limit {
            forget(context)
            context.close(promise: nil)
        }
    }
}
