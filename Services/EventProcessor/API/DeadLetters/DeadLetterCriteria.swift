import Contracts
import Messaging

/// Which letters an operator means: the options of the commands and the parameters of the admin address.
struct DeadLetterCriteria {
    /// The most letters in a page.
    static let longestPage = 500
    private static let longestText = 255

    private(set) var service: ConsumingService?
    private(set) var query = DeadLetterQuery()
    var limit = 50
    var cursor: DeadLetterID?

    /// Whether more is said than the service and the state: a decision about all letters of a service is most likely one
    /// whose filter was forgotten.
    var isNarrow: Bool {
        query.consumer != nil || query.type != nil || query.reason != nil || query.group != nil || query.subject != nil
    }

    /// Takes a criterion; nil, or why it is none.
    mutating func take(_ name: String, _ value: String) -> String? {
        guard !value.isEmpty, value.unicodeScalars.count <= Self.longestText, !value.contains("\0") else {
            return "\(name) is a text of 1 to \(Self.longestText) characters"
        }
        switch name {
        case "service":
            service = ConsumingService(rawValue: value)
            return service == nil ? "service is one of \(ConsumingService.names)" : nil
        case "consumer": query.consumer = value
        case "type": query.type = value
        case "subject": query.subject = value
        case "reason":
            query.reason = value
            return Self.fault("reason", value, DeadLetterReason.allCases.map(\.rawValue))
        case "state":
            query.state = value
            return Self.fault("state", value, DeadLetter.State.allCases.map(\.rawValue))
        case "group":
            query.group = value
            let isName = value.utf8.count == 32 && value.allSatisfy { $0.isHexDigit && !$0.isUppercase }
            return isName ? nil : "group is the name of a group, 32 hexadecimal digits"
        default: return "there is no \(name)"
        }
        return nil
    }

    /// Takes a criterion of a listing: one as above, `limit` or `cursor`.
    mutating func takeForListing(_ name: String, _ value: String) -> String? {
        switch name {
        case "limit":
            limit = Int(value) ?? 0
            return (1...Self.longestPage).contains(limit) ? nil : "limit is 1 to \(Self.longestPage)"
        case "cursor":
            cursor = DeadLetterID(value)
            return cursor == nil ? "cursor is the next_cursor of a page" : nil
        default: return take(name, value)
        }
    }

    private static func fault(_ name: String, _ value: String, _ words: [String]) -> String? {
        words.contains(value) ? nil : "\(name) is one of \(words.joined(separator: ", "))"
    }
}
