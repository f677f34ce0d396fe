internal import Synchronization

/// The meeting point of a call that waits for its place and of whoever decides whether it gets it. Decided once.
final class Ticket: Sendable {
    private enum State {
        case undecided
        case waited(CheckedContinuation<Bool, Never>)
        case decided(Bool)
    }

    private let state = Mutex(State.undecided)

    /// Whether the place was given; waits until that is known. For one caller.
    func decision() async -> Bool {
        await withCheckedContinuation { continuation in
            let known: Bool? = state.withLock { state in
                if case .decided(let isIn) = state { return isIn }
                state = .waited(continuation)
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// Decides; to be called once.
    func decide(_ isIn: Bool) {
        let waiter: CheckedContinuation<Bool, Never>? = state.withLock { state in
            defer { state = .decided(isIn) }
            if case .waited(let continuation) = state { return continuation }
            return nil
        }
        waiter?.resume(returning: isIn)
    }
}
