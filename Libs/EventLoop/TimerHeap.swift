/// A binary heap of timers by deadline, then by order of scheduling. Each timer knows its index, so that
/// moving or removing one costs O(log n) and leaves nothing behind.
struct TimerHeap {
    private var items: ContiguousArray<LoopTimer> = []

    var first: LoopTimer? { items.first }
    var count: Int { items.count }

    mutating func insert(_ timer: LoopTimer) {
        timer.heapIndex = items.count
        items.append(timer)
        siftUp(from: timer.heapIndex)
    }

    mutating func remove(_ timer: LoopTimer) {
        let index = timer.heapIndex
        let last = items.count - 1
        if index != last { exchange(index, last) }
        items.removeLast()
        timer.heapIndex = -1
        if index < items.count { restore(at: index) }
    }

    /// Puts a timer whose deadline has changed in its place again.
    mutating func update(_ timer: LoopTimer) { restore(at: timer.heapIndex) }

    private mutating func restore(at index: Int) {
        let timer = items[index]
        siftUp(from: index)
        siftDown(from: timer.heapIndex)
    }

    private mutating func siftUp(from start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard items[index].isBefore(items[parent]) else { return }
            exchange(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(from start: Int) {
        var index = start
        while true {
            var least = index
            for child in (2 * index + 1)...(2 * index + 2)
            where child < items.count && items[child].isBefore(items[least]) {
                least = child
            }
            guard least != index else { return }
            exchange(index, least)
            index = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        items.swapAt(a, b)
        items[a].heapIndex = a
        items[b].heapIndex = b
    }
}
