import Synchronization

/// The text of a page. Its memory serves later pages once nobody holds it: fresh memory costs as much as writing into it.
public final class PageBytes: Sendable {
    private let memory: PageMemory
    private let count: Int
    private let pool: PagePool

    init(_ memory: PageMemory, count: Int, pool: PagePool) {
        self.memory = memory
        self.count = count
        self.pool = pool
    }

    deinit { pool.give(memory) }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: memory.base, count: count))
    }
}

/// Memory for the text of a page. Safe to share because it is written before it is handed out, and by one owner.
struct PageMemory: @unchecked Sendable {
    let base: UnsafeMutablePointer<UInt8>
    let capacity: Int

    init(base: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.base = base
        self.capacity = capacity
    }

    init(capacity: Int) { self.init(base: .allocate(capacity: capacity), capacity: capacity) }
}

/// Memory of pages that are done with.
final class PagePool: Sendable {
    private static let most = 4
    private let free = Mutex<[PageMemory]>([])

    deinit { for memory in free.withLock({ $0 }) { memory.base.deallocate() } }

    func take(capacity: Int) -> PageMemory {
        let found = free.withLock { $0.popLast() }
        if let found, found.capacity >= capacity { return found }
        found?.base.deallocate()
        return PageMemory(capacity: capacity)
    }

    func give(_ memory: PageMemory) {
        let isKept = free.withLock { free in
            guard free.count < Self.most else { return false }
            free.append(memory)
            return true
        }
        if !isKept { memory.base.deallocate() }
    }
}
