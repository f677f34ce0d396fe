package import Chronology

/// What became of an account's second factor, as mails tell it.
package enum SecondFactorChange: String, Sendable, CaseIterable {
    case enabled
    case disabled
    case recoveryCodesReplaced = "recovery_codes_replaced"
    case recoveryCodeUsed = "recovery_code_used"

    fileprivate var subject: String {
        switch self {
        case .enabled: "Two-step sign-in is on"
        case .disabled: "Two-step sign-in is off"
        case .recoveryCodesReplaced: "Your recovery codes were replaced"
        case .recoveryCodeUsed: "A recovery code was used"
        }
    }

    fileprivate var sentence: String {
        switch self {
        case .enabled: "your Florin account asks for a code of your authenticator at each sign-in."
        case .disabled: "your Florin account no longer asks for a code at sign-in: the password is enough."
        case .recoveryCodesReplaced: "your Florin account has new recovery codes. The ones before no longer work."
        case .recoveryCodeUsed: "one recovery code of your Florin account is used up: somebody signed in with it."
        }
    }
}

extension Mail {
    /// Tells of a change of the second factor.
    package static func secondFactorChanged(
        eventID: UUIDv7, to recipient: Recipient, change: SecondFactorChange, changedAt: Timestamp, at date: Timestamp
    ) -> Mail {
        Mail(
            eventID: eventID, to: recipient.email, recipientName: recipient.displayName, subject: change.subject,
            text: """
                Hello \(recipient.displayName),

                since \(changedAt) \(change.sentence)

                If it was not you, change your password at once: that ends all other sessions.
                """, date: date)
    }
}
