import Testing
import Validation

@Suite struct PageTests {
    @Test(arguments: [["2026-11-20", "019aa1b2"], [""], ["é", "", "x"]])
    func cursorRoundTrip(keys: [String]) {
        let text = PageCursor(keys).text
        let read = text.isEmpty ? nil : PageCursor(text, keyCount: keys.count)
        #expect(read?.keys == (keys == [""] ? nil : keys))
    }

    @Test(arguments: ["", "0", "zz", "AB", "ff", "6", "../etc"])
    func cursorThatWasNotGivenOut(text: String) {
        #expect(PageCursor(text, keyCount: 1) == nil)
        var validator = Validator()
        #expect(validator.page(limit: nil, cursor: text, keyCount: 1) == nil)
        #expect(validator.errors.map(\.code) == ["invalid_cursor"])
    }

    @Test func cursorOfAnotherListIsRefused() {
        #expect(PageCursor(PageCursor(["a", "b"]).text, keyCount: 1) == nil)
    }

    @Test(arguments: [(0, nil), (1, 1), (100, 100), (101, nil), (nil, 50)] as [(Int64?, Int?)])
    func limit(asked: Int64?, given: Int?) {
        var validator = Validator()
        #expect(validator.page(limit: asked, cursor: nil, keyCount: 1)?.limit == given)
        #expect(validator.errors.map(\.code) == (given == nil ? ["out_of_range"] : []))
    }

    @Test(arguments: [(0, 0, nil), (2, 2, nil), (3, 3, nil), (4, 3, "3")] as [(Int, Int, String?)])
    func pageKnowsWhetherAnotherFollows(found: Int, shown: Int, next: String?) {
        let page = Page(Array(0..<found).map { $0 + 1 }, limit: 3) { PageCursor([String($0)]) }
        #expect(page.items.count == shown)
        #expect(page.next?.keys == next.map { [$0] })
    }
}
