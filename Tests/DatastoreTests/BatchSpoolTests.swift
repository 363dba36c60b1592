import ButlerModel
import Foundation
import ObjectStorage
import Synchronization
import TestSupport
import Testing

@testable import Datastore

@Suite struct BatchSpoolTests {
    @Test func packedValuesComeBackInTheirOrder() throws {
        var writer = PackedWriter()
        let id = DatasetID(high: .max, low: 1)
        writer.write(Int64.min)
        writer.write("")
        writer.write("Grüße/🔭")
        writer.write(nil as String?)
        writer.write(id)
        writer.write(DataIDValue.int(-7))
        writer.write(DataIDValue.string("r"))
        writer.write(FileIdentity(inode: 1, size: 2, modified: 3))
        writer.write(true)
        var reader = PackedReader(writer.bytes)
        #expect(try reader.signed() == .min)
        #expect(try reader.text() == "")
        #expect(try reader.text() == "Grüße/🔭")
        #expect(try reader.optionalText() == nil)
        #expect(try reader.id() == id)
        #expect(try reader.value() == .int(-7))
        #expect(try reader.value() == .string("r"))
        #expect(try reader.identity() == FileIdentity(inode: 1, size: 2, modified: 3))
        #expect(try reader.flag())
        #expect(throws: PackedReader.Damage.self) { try reader.number() }
        var cut = PackedReader(Array(writer.bytes.prefix(12)))
        _ = try cut.number()
        #expect(throws: PackedReader.Damage.self) { try cut.text() }
    }

    @Test func manyPiecesOfWorkAreDoneOnceEach() async {
        let pool = BlockingPool(label: "test", width: 3)
        let (all, none) = await pool.each(1000, jobs: 3) { $0 * 2 }
        #expect(all == (0..<1000).map { $0 * 2 } && none == nil)
        struct Refusal: Error {}
        let (some, failure) = await pool.each(1000, jobs: 3) { number in
            if number == 10 { throw Refusal() }
            // So that the others are not all done while the thread of this one waits for a processor.
            if number > 10 { usleep(10_000) }
            return number
        }
        #expect(failure is Refusal && some[10] == nil && some[999] == nil)
    }

    @Test func stepsRunOneAfterTheOtherAndTheFirstErrorEndsThem() throws {
        struct Refusal: Error {}
        let done = Mutex<[Int]>([])
        let steps = StepOnThread(label: "test")
        #expect(throws: Refusal.self) {
            try steps.around {
                for number in 0..<10 {
                    try steps.next {
                        if number == 3 { throw Refusal() }
                        done.withLock { $0.append(number) }
                    }
                }
            }
        }
        #expect(done.withLock { $0 } == [0, 1, 2])
        // What `body` throws waits for the step that is under way.
        let others = StepOnThread(label: "test")
        #expect(throws: Refusal.self) {
            try others.around {
                try others.next {
                    usleep(20_000)
                    done.withLock { $0 = [7] }
                }
                throw Refusal()
            }
        }
        #expect(done.withLock { $0 } == [7])
    }
}
