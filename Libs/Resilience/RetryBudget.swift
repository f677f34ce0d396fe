/// How many calls may be made again: a share of those that went well, and a few more.
///
/// While a service is away nothing is earned, so that a full outage gets no more than `capacity` further attempts, however
/// many calls there are.
package struct RetryBudget: Sendable, Hashable {
    /// A retry costs so many tenths.
    private static let price = 10

    private let capacity: Int
    private var tenths: Int

    /// - Parameter capacity: the most retries that can be saved up; a new budget has them.
    package init(capacity: Int = 10) {
        precondition(capacity >= 0, "a budget is not negative")
        self.capacity = capacity * Self.price
        tenths = self.capacity
    }

    /// Notes a call that went well: it earns a tenth of a retry.
    package mutating func earn() { tenths = min(capacity, tenths + 1) }

    /// Takes a retry; false when there is none.
    package mutating func spend() -> Bool {
        guard tenths >= Self.price else { return false }
        tenths -= Self.price
        return true
    }
}
