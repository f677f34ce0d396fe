import Chronology
import CloudEvents
import Contracts
import Messaging
import Secrets
import ServiceRuntime

/// Events as the services write them.
enum SampleEvents {
    static let time = Timestamp(microsecondsSinceEpoch: 1_795_167_000_123_456)

    static func registered(_ user: UUIDv7, email: String = "ada@example.org", name: String = "Ada") throws
        -> OutboxEvent
    {
        try OutboxEvent(
            UserRegisteredV1(
                userID: user.description, email: email, displayName: name, baseCurrency: "EUR", locale: "en",
                registeredAt: time.description), service: "auth", subject: user, user: user, sequence: 1, time: time)
    }

    static func verificationRequested(
        _ user: UUIDv7, token: String, sealedTo key: SealedBox.PublicKey, email: String = "ada@example.org"
    ) throws -> OutboxEvent {
        let sealed = Base64URL.encode(try SealedBox.seal(Array(token.utf8), to: key))
        return try OutboxEvent(
            EmailVerificationRequestedV1(
                userID: user.description, email: email, displayName: "Ada", sealedToken: sealed,
                expiresAt: "2026-11-21T09:30:00.000Z"), service: "auth", subject: user, user: user, sequence: 2,
            time: time)
    }

    static func spent(_ user: UUIDv7, subject: UUIDv7 = .make(), sequence: Int64 = 1) throws -> OutboxEvent {
        try OutboxEvent(
            ExpenseCreatedV1(
                userID: user.description, expenseID: subject.description, kind: "expense",
                amount: EventMoney(amount: "12.34", currency: "EUR"), spentOn: "2026-11-20",
                createdAt: time.description), service: "expense", subject: subject, user: user, sequence: sequence,
            time: time)
    }

    static func exceeded(
        _ user: UUIDv7, threshold: Int64 = 80, crossing: Int64 = 1, sequence: Int64 = 1, budget: UUIDv7 = .make()
    ) throws -> OutboxEvent {
        try OutboxEvent(
            BudgetExceededV1(
                userID: user.description, budgetID: budget.description, budgetName: "Groceries",
                periodStart: "2026-11-01", periodEnd: "2026-11-30", threshold: threshold, crossing: crossing,
                spent: EventMoney(amount: "166.50", currency: "EUR"),
                limit: EventMoney(amount: "200.00", currency: "EUR"), percent: "83.25", occurredAt: time.description),
            service: "expense", subject: budget, user: user, sequence: sequence, time: time)
    }
}

extension OutboundEvent {
    /// The message that the relay makes of an event.
    init(_ event: OutboxEvent) {
        self.init(
            id: event.id.description, routingKey: event.event.type, contentType: CloudEventJSONCodec.contentType,
            body: CloudEventJSONCodec.encode(event.event))
    }
}
