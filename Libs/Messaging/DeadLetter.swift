package import Chronology

/// An event that a consumer has put aside, as a listing shows it.
package struct DeadLetter: Sendable, Hashable {
    /// What has been decided about a letter.
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// It waits for somebody to decide. Later events of its aggregate wait behind it.
        case parked
        /// It is to be handled again; its consumer will do so within seconds.
        case replaying
        /// It is kept for the record and will not be handled.
        case archived
    }

    /// The letter's number; later ones have higher numbers.
    package let id: Int64
    /// The consumer (queue) that could not handle it.
    package let consumer: String
    /// The event's id as the inbox knows it.
    package let eventID: String
    /// The event's type; for what could not be read, the routing key.
    package let type: String
    /// The event's source; nil for what could not be read.
    package let source: String?
    /// The aggregate; nil for what could not be read.
    package let subject: String?
    /// The event's partition key; nil for what could not be read.
    package let partitionKey: String?
    /// Why it is here.
    package let reason: DeadLetterReason
    /// The group of letters that failed alike.
    package let cause: DeadLetterCause
    /// How often a handler was tried.
    package let attempts: Int
    /// The last error, without personal data.
    package let error: String
    /// W3C trace context of the work that emitted the event.
    package let traceparent: String?
    /// When it was put aside.
    package let parkedAt: Timestamp
    /// What has been decided about it.
    package let state: State
}

/// A dead letter with its bytes.
package struct DeadLetterContent: Sendable, Hashable {
    /// The letter.
    package let letter: DeadLetter
    /// The media type of `body`.
    package let contentType: String
    /// The headers of a message that could not be read, a JSON object; `{}` for events.
    package let headers: [UInt8]
    /// The event in the JSON format, or the message as it came.
    package let body: [UInt8]
    /// Letters of the same aggregate that are to be handled before this one.
    package let ahead: Int
    /// Letters of the same aggregate that wait behind this one.
    package let behind: Int
}

/// Dead letters that failed alike.
package struct DeadLetterGroup: Sendable, Hashable {
    /// The name of the group, for a selection.
    package let cause: DeadLetterCause
    /// The consumer (queue) that could not handle them.
    package let consumer: String
    /// Their type.
    package let type: String
    /// Why they are here.
    package let reason: DeadLetterReason
    /// The error of one of them.
    package let error: String
    /// How many there are.
    package let count: Int
    /// When the first was put aside.
    package let firstParkedAt: Timestamp
    /// When the last was put aside.
    package let lastParkedAt: Timestamp
    /// The number of the first, as an example.
    package let firstID: Int64
}

/// Which dead letters a listing is about; nil is any.
package struct DeadLetterFilter: Sendable, Hashable {
    /// Of one consumer.
    package var consumer: String?
    /// Of one type.
    package var type: String?
    /// With one reason.
    package var reason: DeadLetterReason?
    /// Of one group.
    package var cause: DeadLetterCause?
    /// About one aggregate.
    package var subject: String?
    /// In one state. Nil is every state but `archived`.
    package var state: DeadLetter.State?

    /// All that are not archived.
    package init(
        consumer: String? = nil, type: String? = nil, reason: DeadLetterReason? = nil, cause: DeadLetterCause? = nil,
        subject: String? = nil, state: DeadLetter.State? = nil
    ) {
        self.consumer = consumer
        self.type = type
        self.reason = reason
        self.cause = cause
        self.subject = subject
        self.state = state
    }
}

/// Which dead letters are to be changed; archived ones never are.
package enum DeadLetterSelection: Sendable, Hashable {
    /// By number.
    case ids([Int64])
    /// All that failed alike.
    case group(DeadLetterCause)
    /// All of an aggregate of a consumer.
    case aggregate(consumer: String, source: String, subject: String)
    /// All that a listing with this filter shows.
    case matching(DeadLetterFilter)
}

/// What a change did, or would do.
package struct DeadLetterChange: Sendable, Hashable {
    /// Letters that the selection names.
    package let selected: Int
    /// Other letters of the same aggregates that are handled again with or after them, so that order is kept.
    package let following: Int
    /// Whether nothing was changed.
    package let isDryRun: Bool

    /// Takes the counts.
    package init(selected: Int, following: Int, isDryRun: Bool) {
        self.selected = selected
        self.following = following
        self.isDryRun = isDryRun
    }
}
