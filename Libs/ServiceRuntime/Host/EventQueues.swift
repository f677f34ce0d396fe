package import Messaging

/// The durable queues of all of Florin: one for each purpose of a consumer.
///
/// Every process declares all of them, so that no event is lost on the way to a consumer that has not run yet.
package enum EventQueues {
    /// What the expense service does for new users.
    package static let expenseUsers = Subscription(queue: "expense.user-lifecycle", bindings: registrations)
    /// What the portfolio service does for new users.
    package static let portfolioUsers = Subscription(queue: "portfolio.user-lifecycle", bindings: registrations)
    /// What calls for a new calculation of performance.
    package static let portfolioPerformance = Subscription(
        queue: "portfolio.performance", bindings: ["florin.portfolio.portfolio_updated.*"])
    /// Everything, for the audit trail.
    package static let audit = Subscription(queue: "processor.audit", bindings: ["florin.#"])
    /// What a mail is sent for.
    package static let mail = Subscription(
        queue: "processor.mail",
        bindings: [
            "florin.auth.user_registered.*", "florin.auth.email_verification_requested.*",
            "florin.auth.password_reset_requested.*", "florin.auth.password_changed.*", "florin.auth.mfa_changed.*",
            "florin.auth.user_logged_in.*", "florin.auth.user_updated.*",
            "florin.auth.registration_repeated.*",
            "florin.expense.budget_exceeded.*",
        ])
    /// What the expense service forgets. A queue of its own, as those for the other services: nothing that waits or is parked
    /// elsewhere holds an erasure up.
    package static let expenseErasures = Subscription(queue: "expense.erasures", bindings: deletions)
    /// What the portfolio service forgets.
    package static let portfolioErasures = Subscription(queue: "portfolio.erasures", bindings: deletions)
    /// What the event processor forgets.
    package static let processorErasures = Subscription(queue: "processor.erasures", bindings: deletions)
    /// What the other services have forgotten.
    package static let erasures = Subscription(
        queue: "auth.erasures",
        bindings: [
            "florin.expense.expense_data_erased.*", "florin.portfolio.portfolio_data_erased.*",
            "florin.processor.processor_data_erased.*",
        ])

    /// What live streams show, to resume them.
    package static let streams = Subscription(
        queue: "processor.streams", bindings: ["florin.expense.#", "florin.portfolio.#"])

    /// All of them.
    package static let all = [
        expenseUsers, portfolioUsers, portfolioPerformance, audit, mail, expenseErasures, portfolioErasures,
        processorErasures, erasures, streams,
    ]

    private static let registrations: [TopicPattern] = ["florin.auth.user_registered.*"]
    private static let deletions: [TopicPattern] = ["florin.auth.user_deleted.*"]
}
