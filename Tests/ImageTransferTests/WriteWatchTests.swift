import Foundation
import Testing

@testable import ImageTransfer

/// A write that waits keeps others off threads that must not wait: while it lasts, and for a moment afterwards.
@Suite struct WriteWatchTests {
    @Test func aWriteThatWaitsIsNoticedWhileItLastsAndAfterwards() {
        let watch = WriteWatch()
        #expect(watch.isQuick)
        let inside = watch.timing {
            usleep(20_000)
            return watch.isQuick
        }
        #expect(!inside)
        #expect(!watch.isQuick)
        while !watch.isQuick { usleep(10_000) }
    }
}
