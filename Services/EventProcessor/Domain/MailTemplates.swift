package import Chronology

/// Somebody who can be written to.
package struct Recipient: Sendable, Hashable {
    package let userID: UUIDv7
    package let email: String
    package let displayName: String

    package init(userID: UUIDv7, email: String, displayName: String) {
        self.userID = userID
        self.email = email
        self.displayName = displayName
    }
}

/// What was crossed, as the mail tells it. Amounts are texts with their currency: `166.50 EUR`.
package struct BudgetAlert: Sendable, Hashable {
    package let budgetName: String
    package let threshold: Int64
    package let spent: String
    package let limit: String
    package let percent: String
    package let periodStart: CalendarDate
    package let periodEnd: CalendarDate

    package init(
        budgetName: String, threshold: Int64, spent: String, limit: String, percent: String, periodStart: CalendarDate,
        periodEnd: CalendarDate
    ) {
        self.budgetName = budgetName
        self.threshold = threshold
        self.spent = spent
        self.limit = limit
        self.percent = percent
        self.periodStart = periodStart
        self.periodEnd = periodEnd
    }
}

extension Mail {
    /// Asks the owner of an address to confirm it.
    ///
    /// - Parameters:
    ///   - token: the one-time token, opened; only letters, digits, `-` and `_`.
    ///   - publicURL: where Florin is reached, without a slash at the end.
    package static func verification(
        eventID: UUIDv7, to recipient: Recipient, token: String, publicURL: String, validUntil: Timestamp,
        at date: Timestamp
    ) -> Mail {
        Mail(
            eventID: eventID, to: recipient.email, recipientName: recipient.displayName,
            subject: "Verify your e-mail address",
            text: """
                Hello \(recipient.displayName),

                somebody, hopefully you, registered this address with Florin. To confirm that it is yours, open

                \(publicURL)/verify?token=\(token)

                The link works once, until \(validUntil). If it was not you, do nothing.
                """, date: date)
    }

    /// Tells that spending reached a threshold of a budget.
    package static func budgetAlert(
        eventID: UUIDv7, to recipient: Recipient, alert: BudgetAlert, at date: Timestamp
    ) -> Mail {
        Mail(
            eventID: eventID, to: recipient.email, recipientName: recipient.displayName,
            subject: "Budget \(alert.budgetName): \(alert.threshold) % reached",
            text: """
                Hello \(recipient.displayName),

                your budget "\(alert.budgetName)" for \(alert.periodStart) to \(alert.periodEnd) has reached \(alert.threshold) %:
                \(alert.spent) of \(alert.limit) are spent (\(alert.percent) %).
                """, date: date)
    }
}
