package import Chronology

extension Mail {
    /// Lets the owner of an address replace a forgotten password.
    ///
    /// - Parameters:
    ///   - token: the one-time token, opened; only letters, digits, `-` and `_`.
    ///   - publicURL: where Florin is reached, without a slash at the end.
    package static func passwordReset(
        eventID: UUIDv7, to recipient: Recipient, token: String, publicURL: String, validUntil: Timestamp,
        at date: Timestamp
    ) -> Mail {
        Mail(
            eventID: eventID, to: recipient.email, recipientName: recipient.displayName,
            subject: "Reset your password",
            text: """
                Hello \(recipient.displayName),

                somebody, hopefully you, asked to reset the password of your Florin account. To choose a new one, open

                \(publicURL)/reset?token=\(token)

                The link works once, until \(validUntil). If it was not you, do nothing: your password stays as it is.
                """, date: date)
    }

    /// Tells that a password was replaced.
    package static func passwordChanged(
        eventID: UUIDv7, to recipient: Recipient, changedAt: Timestamp, at date: Timestamp
    ) -> Mail {
        Mail(
            eventID: eventID, to: recipient.email, recipientName: recipient.displayName,
            subject: "Your password was changed",
            text: """
                Hello \(recipient.displayName),

                the password of your Florin account was changed on \(changedAt). Everybody who was signed in elsewhere has to
                sign in again.

                If it was not you, reset your password at once, and end all sessions.
                """, date: date)
    }

    /// Tells of a sign-in from a device that was not used before.
    ///
    /// - Parameter device: the client as it names itself, which may be anything.
    package static func newDevice(
        eventID: UUIDv7, to recipient: Recipient, device: String, signedInAt: Timestamp, at date: Timestamp
    ) -> Mail {
        Mail(
            eventID: eventID, to: recipient.email, recipientName: recipient.displayName,
            subject: "New sign-in to your account",
            text: """
                Hello \(recipient.displayName),

                on \(signedInAt) somebody signed in to your Florin account from a device that was not used before. It
                calls itself:

                    \(device)

                If it was not you, change your password at once: that ends all other sessions.
                """, date: date)
    }

    /// Tells the owner of an account that somebody registered its address again.
    package static func registrationRepeated(
        eventID: UUIDv7, to recipient: Recipient, attemptedAt: Timestamp, at date: Timestamp
    ) -> Mail {
        Mail(
            eventID: eventID, to: recipient.email, recipientName: recipient.displayName,
            subject: "You already have an account",
            text: """
                Hello \(recipient.displayName),

                on \(attemptedAt) somebody, perhaps you, tried to register this address with Florin. It has an account already, so
                nothing was changed. If you have forgotten your password, ask for a new one where you sign in.
                """, date: date)
    }
}
