import Testing
import TestKit

@testable import AMQP

/// Entries by delivery tag, held against a plain dictionary.
@Suite struct TagWindowTests {
    @Test func handsOutTagsFromOne() {
        var window = TagWindow<String>()
        #expect(window.append("a") == 1 && window.append("b") == 2)
        #expect(window.nextTag == 3 && window.oldestTag == 1 && window.count == 2)
    }

    @Test(arguments: [0, 3, UInt64.max]) func knowsNoOtherTags(tag: UInt64) {
        var window = TagWindow<String>()
        window.append("a")
        window.append("b")
        #expect(window[tag] == nil)
        #expect(window.take(tag) == nil)
        #expect(window.count == 2)
    }

    @Test func takesAPrefixOldestFirst() {
        var window = TagWindow<Int>()
        for number in 1...5 { window.append(number) }
        #expect(window.take(2) == 2)
        #expect(window.take(through: 3) == [1, 3])
        #expect(window.take(through: 3) == [])
        #expect(window.take(through: 99) == [4, 5])
        #expect(window.append(6) == 6)
    }

    @Test func agreesWithADictionaryOverManySteps() {
        var generator = SeededGenerator(seed: 7)
        var window = TagWindow<UInt64>()
        var model: [UInt64: UInt64] = [:]
        var next: UInt64 = 1
        for _ in 0..<20_000 {
            switch UInt8.random(in: 0..<10, using: &generator) {
            case 0..<5:
                #expect(window.append(next * 10) == next)
                model[next] = next * 10
                next += 1
            case 5..<9:
                let tag = UInt64.random(in: 0...next, using: &generator)
                #expect(window.take(tag) == model.removeValue(forKey: tag))
            default:
                let tag = UInt64.random(in: 0...next, using: &generator)
                let expected = model.keys.filter { $0 <= tag }.sorted().compactMap { model.removeValue(forKey: $0) }
                #expect(window.take(through: tag) == expected)
            }
            #expect(window.count == model.count && window.oldestTag == model.keys.min())
        }
    }
}
