import Chronology
import CloudEvents
import Contracts
import Messaging
import ProcessorDomain
import ServiceRuntime

/// What every mail takes from its event.
struct MailRequest {
    let eventID: UUIDv7
    let time: Timestamp

    init(_ event: CloudEvent) throws(HandlerFailure) {
        guard let eventID = try? UUIDv7(parsing: event.id), let time = event.time else {
            throw HandlerFailure(.unprocessable, "the event has no id of version 7 or no time")
        }
        self.eventID = eventID
        self.time = time
    }

    static func userID(_ text: String) throws(HandlerFailure) -> UUIDv7 {
        do {
            return try UUIDv7(parsing: text)
        } catch {
            throw HandlerFailure(.unprocessable, "user_id is no identifier of version 7")
        }
    }

    static func instant(_ text: String, _ field: String) throws(HandlerFailure) -> Timestamp {
        guard let instant = Timestamp(rfc3339: text) else {
            throw HandlerFailure(.unprocessable, "\(field) is no instant")
        }
        return instant
    }
}

/// A mail that tells a user of something, complete but for the recipient: nothing about it can fail once it waits for that.
struct MailNotice {
    enum Subject {
        case budget(BudgetAlert)
        case passwordChanged(at: Timestamp)
        case newDevice(String, at: Timestamp)
        case secondFactor(SecondFactorChange, at: Timestamp)
    }

    let userID: UUIDv7
    private let event: MailRequest
    private let subject: Subject

    /// - Returns: nil for an event that calls for no mail.
    init?(_ cloudEvent: CloudEvent) throws {
        event = try MailRequest(cloudEvent)
        let user: String
        switch cloudEvent.type {
        case BudgetExceededV1.type:
            let payload = try cloudEvent.payload(BudgetExceededV1.self)
            // Later crossings in the same period are told on the live stream and not by mail.
            guard payload.crossing == 1 else { return nil }
            (user, subject) = (payload.userID, .budget(try BudgetAlert(payload)))
        case PasswordChangedV1.type:
            let payload = try cloudEvent.payload(PasswordChangedV1.self)
            user = payload.userID
            subject = .passwordChanged(at: try MailRequest.instant(payload.changedAt, "changed_at"))
        case UserLoggedInV1.type:
            let payload = try cloudEvent.payload(UserLoggedInV1.self)
            guard payload.newDevice else { return nil }
            user = payload.userID
            subject = .newDevice(payload.device, at: try MailRequest.instant(payload.loggedInAt, "logged_in_at"))
        case MfaChangedV1.type:
            let payload = try cloudEvent.payload(MfaChangedV1.self)
            guard let change = SecondFactorChange(rawValue: payload.change) else { return nil }
            user = payload.userID
            subject = .secondFactor(change, at: try MailRequest.instant(payload.changedAt, "changed_at"))
        default: return nil
        }
        userID = try MailRequest.userID(user)
    }

    func mail(to recipient: Recipient) -> Mail {
        switch subject {
        case .budget(let alert): .budgetAlert(eventID: event.eventID, to: recipient, alert: alert, at: event.time)
        case .passwordChanged(let instant):
            .passwordChanged(eventID: event.eventID, to: recipient, changedAt: instant, at: event.time)
        case .newDevice(let device, let instant):
            .newDevice(eventID: event.eventID, to: recipient, device: device, signedInAt: instant, at: event.time)
        case .secondFactor(let change, let instant):
            .secondFactorChanged(
                eventID: event.eventID, to: recipient, change: change, changedAt: instant, at: event.time)
        }
    }
}

extension BudgetAlert {
    fileprivate init(_ payload: BudgetExceededV1) throws(HandlerFailure) {
        guard let start = CalendarDate(iso: payload.periodStart), let end = CalendarDate(iso: payload.periodEnd) else {
            throw HandlerFailure(.unprocessable, "the period has no dates")
        }
        self.init(
            budgetName: payload.budgetName, threshold: payload.threshold,
            spent: "\(payload.spent.amount) \(payload.spent.currency)",
            limit: "\(payload.limit.amount) \(payload.limit.currency)", percent: payload.percent, periodStart: start,
            periodEnd: end)
    }
}
