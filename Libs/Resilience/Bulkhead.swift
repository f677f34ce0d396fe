/// Bounds the calls to one service: so many at once, so many more that wait in the order in which they came.
///
/// A value: `Token` stands for whatever is to be woken.
package struct Bulkhead<Token> {
    /// What becomes of a newcomer.
    package enum Entry: Sendable, Hashable {
        /// It may go on and has to leave later.
        case entered
        /// It is to `wait`.
        case mustWait
        /// There is no room for it.
        case refused
    }

    private let limit: Int
    private let queueLimit: Int
    private var queue: [Int: Token] = [:]
    private var nextNumber = 0
    private var oldest = 0
    /// The calls that are inside.
    package private(set) var running = 0

    /// - Parameters:
    ///   - limit: the most calls at once.
    ///   - queueLimit: the most that wait.
    package init(limit: Int, queueLimit: Int) {
        precondition(limit > 0 && queueLimit >= 0, "somebody has to be let in")
        self.limit = limit
        self.queueLimit = queueLimit
    }

    /// The calls that wait.
    package var waiting: Int { queue.count }

    /// Lets a newcomer in unless it must wait or leave.
    package mutating func enter() -> Entry {
        if running < limit {
            running += 1
            return .entered
        }
        return queue.count < queueLimit ? .mustWait : .refused
    }

    /// Adds one to the queue; its number there.
    package mutating func wait(_ token: Token) -> Int {
        defer { nextNumber += 1 }
        queue[nextNumber] = token
        return nextNumber
    }

    /// A call leaves; its place goes to the one that has waited longest, which is to be woken.
    package mutating func leave() -> Token? {
        while oldest < nextNumber {
            defer { oldest += 1 }
            if let token = queue.removeValue(forKey: oldest) { return token }
        }
        running -= 1
        return nil
    }

    /// Takes one that waits out of the queue; nil when it has been let in already.
    package mutating func withdraw(_ number: Int) -> Token? { queue.removeValue(forKey: number) }
}

extension Bulkhead: Sendable where Token: Sendable {}
