import ObjectStorage
import Synchronization
import Testing

@testable import ImageTransfer

@Suite struct BusyPlacesTests {
    private final class Counter: Sendable {
        let count = Mutex(0)
    }

    @Test func oneAtATimeInTheOrderTheyCame() async {
        let places = BusyPlaces()
        let place = BusyPlaces.Place(destination: "main", location: S3Location(bucket: "b", key: "k"))
        let other = BusyPlaces.Place(destination: "archive", location: S3Location(bucket: "b", key: "k"))
        let inside = Counter()
        await places.enter(other)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    await places.enter(place)
                    let isAlone = inside.count.withLock { count in
                        count += 1
                        return count == 1
                    }
                    await Task.yield()
                    inside.count.withLock { $0 -= 1 }
                    places.leave(place)
                    return isAlone
                }
            }
            for await isAlone in group { #expect(isAlone) }
        }
        places.leave(other)
    }
}
