/// Entries by delivery tag, where tags are handed out one after the other from 1, as a channel does for its confirms and
/// for its deliveries. Each operation costs the same however many are held.
struct TagWindow<Element> {
    private var slots: [Element?] = []
    private var head = 0
    /// The tag of `slots[head]`.
    private var firstTag: UInt64 = 1
    /// How many entries are held.
    private(set) var count = 0

    /// The tag that `append` hands out next.
    var nextTag: UInt64 { firstTag + UInt64(slots.count - head) }

    /// The tag of the oldest entry.
    var oldestTag: UInt64? { count > 0 ? firstTag : nil }

    @discardableResult
    mutating func append(_ element: Element) -> UInt64 {
        let tag = nextTag
        slots.append(element)
        count += 1
        return tag
    }

    private func index(of tag: UInt64) -> Int? {
        guard tag >= firstTag, tag < nextTag else { return nil }
        return head + Int(tag - firstTag)
    }

    /// The entry of the tag; `nil` when it was taken or never handed out.
    subscript(tag: UInt64) -> Element? { index(of: tag).flatMap { slots[$0] } }

    /// Replaces an entry that is held.
    mutating func update(_ tag: UInt64, to element: Element) {
        guard let index = index(of: tag), slots[index] != nil else { return }
        slots[index] = element
    }

    /// Removes and returns the entry of the tag.
    mutating func take(_ tag: UInt64) -> Element? {
        guard let index = index(of: tag), let element = slots[index] else { return nil }
        slots[index] = nil
        count -= 1
        trim()
        return element
    }

    /// Removes and returns all entries up to and including the tag, oldest first.
    mutating func take(through tag: UInt64) -> [Element] {
        guard tag >= firstTag else { return [] }
        let end = head + Int(min(tag, nextTag - 1) + 1 - firstTag)
        let taken = slots[head..<end].compactMap { $0 }
        for index in head..<end { slots[index] = nil }
        count -= taken.count
        trim()
        return taken
    }

    /// Removes and returns everything, oldest first. Tags go on from where they were.
    mutating func takeAll() -> [Element] { take(through: nextTag - 1) }

    private mutating func trim() {
        while head < slots.count, slots[head] == nil {
            head += 1
            firstTag += 1
        }
        // Moving the rest only once it is the smaller part keeps the cost per entry constant.
        if head > 64, head > slots.count / 2 {
            slots.removeFirst(head)
            head = 0
        }
    }
}

extension TagWindow: Sendable where Element: Sendable {}
