/// The services that put events aside, each in its own database, by the names that operators use.
package enum ConsumingService: String, Sendable, Hashable, CaseIterable {
    /// This one.
    case processor
    case auth
    case expense
    case portfolio

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// What names a letter beside those of other services: `expense-17`.
struct DeadLetterID: Sendable, Hashable, CustomStringConvertible {
    let service: ConsumingService
    let number: Int64

    /// The letter that a text names; nil for any other text.
    init?(_ text: String) {
        guard let dash = text.lastIndex(of: "-"), let service = ConsumingService(rawValue: String(text[..<dash])),
            let number = Int64(text[text.index(after: dash)...]), number > 0
        else { return nil }
        self.service = service
        self.number = number
        guard description == text else { return nil }
    }

    var description: String { "\(service.rawValue)-\(number)" }
}
