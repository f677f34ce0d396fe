package import Chronology

/// The port behind which the latest events of each user are kept, so that a live stream that broke off can go on.
package protocol StreamEventHistory: Sendable {
    /// The place of an event among a user's; nil where it is not kept.
    func position(of event: String, of user: UUIDv7) async throws -> Int64?
    /// A user's events after a position.
    func excerpt(of user: UUIDv7, after position: Int64) async throws -> StreamExcerpt
}

/// Some of a user's events, oldest first.
package struct StreamExcerpt: Sendable, Hashable {
    /// An event as it was published.
    package struct Entry: Sendable, Hashable {
        package let id: String
        package let type: String
        /// The CloudEvent as JSON.
        package let event: String

        package init(id: String, type: String, event: String) {
            self.id = id
            self.type = type
            self.event = event
        }
    }

    package let entries: [Entry]
    /// Where the excerpt ends.
    package let position: Int64
    package let hasMore: Bool

    package init(entries: [Entry], position: Int64, hasMore: Bool) {
        self.entries = entries
        self.position = position
        self.hasMore = hasMore
    }
}
