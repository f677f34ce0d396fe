/// A caller that waits for a connection.
struct Waiter {
    /// What it waits for.
    enum Want {
        case batch(BatchRequest)
        case lease(LeaseRequest)
    }

    let want: Want
    let since: Duration

    var token: CallToken {
        switch want {
        case .batch(let request): request.token
        case .lease(let request): request.token
        }
    }

    var deadline: Duration {
        switch want {
        case .batch(let request): request.deadline
        case .lease(let request): request.deadline
        }
    }

    func fail(_ error: PostgresError) {
        switch want {
        case .batch(let request): request.complete(.failure(error))
        case .lease(let request): request.continuation.resume(returning: .failure(error))
        }
    }
}

/// A caller's wish to have a connection to itself.
struct LeaseRequest: Sendable {
    /// What for: the text of BEGIN, nil for a session.
    let begin: String?
    let token: CallToken
    let deadline: Duration
    let continuation: CheckedContinuation<Result<Lease.ID, PostgresError>, Never>
}

/// The callers that wait, first come first served, at most `limit`.
struct WaiterQueue {
    private let limit: Int
    private var waiters: [Waiter] = []
    private var head = 0

    init(limit: Int) { self.limit = limit }

    var count: Int { waiters.count - head }
    var isEmpty: Bool { count == 0 }
    /// The one whose turn it is.
    var first: Waiter? { isEmpty ? nil : waiters[head] }

    /// False when the queue is full.
    mutating func append(_ waiter: Waiter) -> Bool {
        guard count < limit else { return false }
        compact()
        waiters.append(waiter)
        return true
    }

    mutating func removeFirst() {
        guard !isEmpty else { return }
        head += 1
        compact()
    }

    /// Takes out those that match, in order.
    mutating func remove(where matches: (Waiter) -> Bool) -> [Waiter] {
        let removed = waiters[head...].filter(matches)
        guard !removed.isEmpty else { return [] }
        waiters = waiters[head...].filter { !matches($0) }
        head = 0
        return removed
    }

    private mutating func compact() {
        if head == waiters.count {
            waiters.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= waiters.count {
            waiters.removeFirst(head)
            head = 0
        }
    }
}
