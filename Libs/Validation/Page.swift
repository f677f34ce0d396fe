/// Where a page of a list begins: the sort keys of the last item of the page before.
///
/// A client sees it as opaque text. It stays right when items are inserted, because it names a place in the order and not a
/// count of items.
package struct PageCursor: Sendable, Hashable {
    /// The sort keys, most significant first.
    package let keys: [String]

    package init(_ keys: [String]) {
        self.keys = keys
    }

    /// Reads what `text` wrote; nil when it was not written by it or has another number of keys.
    package init?(_ text: String, keyCount: Int) {
        let digits = Array(text.utf8)
        guard !digits.isEmpty, digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        guard let joined = String(validating: bytes, as: UTF8.self) else { return nil }
        keys = joined.split(separator: Self.separator, omittingEmptySubsequences: false).map(String.init)
        guard keys.count == keyCount else { return nil }
    }

    /// The opaque text: hexadecimal, fit for a query string.
    package var text: String {
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        for byte in keys.joined(separator: String(Self.separator)).utf8 {
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The unit separator: no key (number, date, identifier) holds it.
    private static let separator: Character = "\u{1f}"

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// Which page of a list is asked for.
package struct PageRequest: Sendable, Hashable {
    /// Most items of the page, 1 to 100.
    package let limit: Int
    /// The place after which the page begins; nil for the first page.
    package let after: PageCursor?

    package init(limit: Int = 50, after: PageCursor? = nil) {
        self.limit = limit
        self.after = after
    }
}

/// A page of a list.
package struct Page<Item: Sendable>: Sendable {
    package let items: [Item]
    /// Where the next page begins; nil at the end of the list.
    package let next: PageCursor?

    package init(items: [Item], next: PageCursor?) {
        self.items = items
        self.next = next
    }

    /// The page of `limit` items out of `found`, which a repository asked for with one item more, so that it is known whether
    /// another page follows.
    package init(_ found: [Item], limit: Int, cursor: (Item) -> PageCursor) {
        items = Array(found.prefix(limit))
        next = found.count > limit ? items.last.map(cursor) : nil
    }
}

extension Validator {
    /// The page that a request asks for: `limit` from 1 to 100 (50 when absent), and a cursor with `keyCount` keys.
    package mutating func page(limit: Int64?, cursor: String?, keyCount: Int) -> PageRequest? {
        let limit = number("limit", limit ?? 50, in: 1...100)
        var after: PageCursor?
        if let cursor {
            after = PageCursor(cursor, keyCount: keyCount)
            if after == nil { fail("cursor", "invalid_cursor", "must be a next_cursor of this list") }
        }
        guard let limit, cursor == nil || after != nil else { return nil }
        return PageRequest(limit: Int(limit), after: after)
    }
}
