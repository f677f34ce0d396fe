internal import Synchronization

/// Remembers that a task was cancelled, for code on the loop that may come to run only afterwards.
final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() { flag.store(true, ordering: .releasing) }
}
