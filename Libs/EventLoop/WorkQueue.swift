/// One thing for the loop to run: a job of the concurrency runtime or a plain closure.
enum Work {
    case none
    case job(UnownedJob)
    case call(@Sendable () -> Void)
}

/// A first-in-first-out queue that reuses its storage. A slot is emptied when taken, so that what the
/// closure holds on to is released at once.
struct WorkQueue {
    private var items: ContiguousArray<Work> = []
    private var head = 0

    var isEmpty: Bool { head == items.count }

    mutating func append(_ work: Work) { items.append(work) }

    /// Appends all of `other`, which is emptied.
    mutating func take(all other: inout WorkQueue) {
        if isEmpty {
            swap(&self, &other)
        } else {
            items.append(contentsOf: other.items[other.head...])
        }
        other.reset()
    }

    mutating func popFirst() -> Work? {
        guard head < items.count else { return nil }
        var work = Work.none
        swap(&work, &items[head])
        head += 1
        if head == items.count {
            reset()
        } else if head >= 1024, head * 2 > items.count {
            items.removeFirst(head)
            head = 0
        }
        return work
    }

    private mutating func reset() {
        // A burst must not pin its memory for the life of the process.
        items.removeAll(keepingCapacity: items.capacity <= 4096)
        head = 0
    }
}
