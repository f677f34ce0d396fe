import Contracts
import JSON
import Messaging
import WireCodecs

/// Letters as the contract writes them.
extension DeadLetterAPI {
    /// What names the letter beside those of other services.
    func id(_ number: Int64) -> String { "\(service)-\(number)" }

    func entry(_ letter: DeadLetter) -> DeadLetterEntry {
        DeadLetterEntry(
            id: id(letter.id), service: service, consumer: letter.consumer, eventID: letter.eventID, type: letter.type,
            source: letter.source, subject: letter.subject, partitionKey: letter.partitionKey,
            reason: letter.reason.rawValue, group: letter.cause.description, attempts: Int32(clamping: letter.attempts),
            error: letter.error, traceparent: letter.traceparent, parkedAt: letter.parkedAt.description,
            state: letter.state.rawValue)
    }

    func entry(_ group: DeadLetterGroup) -> DeadLetterGroupEntry {
        DeadLetterGroupEntry(
            group: group.cause.description, service: service, consumer: group.consumer, type: group.type,
            reason: group.reason.rawValue, error: group.error, count: Int64(group.count),
            firstParkedAt: group.firstParkedAt.description, lastParkedAt: group.lastParkedAt.description,
            firstID: id(group.firstID))
    }

    func record(_ content: DeadLetterContent) -> DeadLetterRecord {
        let isLine = Self.isJSON(content.body) && !content.body.contains(UInt8(ascii: "\n"))
        return DeadLetterRecord(
            letter: entry(content.letter), contentType: content.contentType,
            headers: String(decoding: content.headers, as: UTF8.self),
            event: isLine ? String(decoding: content.body, as: UTF8.self) : nil,
            eventBase64: isLine ? nil : Base64.encode(content.body), ahead: Int64(content.ahead),
            behind: Int64(content.behind))
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try JSONDocument(parsing: bytes)
            return true
        } catch {
            return false
        }
    }
}

extension DeadLetterQuery {
    private static let defaultPage = 50
    private static let longestPage = 500

    /// - Throws: `ProblemDetails` for a reason or state that there is not.
    func filter() throws(ProblemDetails) -> DeadLetterFilter {
        DeadLetterFilter(
            consumer: consumer, type: type, reason: try word("reason", reason), cause: group.map(DeadLetterCause.init),
            subject: subject, state: try word("state", state))
    }

    func pageSize() throws(ProblemDetails) -> Int {
        guard (0...Int64(Self.longestPage)).contains(limit) else {
            throw .badRequest("invalid_request", "limit is 1 to \(Self.longestPage).")
        }
        return limit == 0 ? Self.defaultPage : Int(limit)
    }

    private func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ text: String?
    ) throws(ProblemDetails) -> Word? {
        guard let text else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("invalid_request", "\(name) is one of \(words).")
        }
        return word
    }
}

extension DeadLetterDecision {
    /// The most letters that one decision names.
    private static let mostNumbers = 1_000

    /// - Throws: `ProblemDetails` for a decision about all letters, which must be told from one whose filter was forgotten.
    func selection() throws(ProblemDetails) -> DeadLetterSelection {
        guard letterNumbers.isEmpty else {
            guard query == nil, letterNumbers.count <= Self.mostNumbers else {
                throw .badRequest("invalid_request", "Letters are named by at most 1000 ids or by a filter.")
            }
            return .ids(letterNumbers)
        }
        let filter = try (query ?? DeadLetterQuery()).filter()
        guard filter != DeadLetterFilter(state: filter.state) else {
            throw .badRequest(
                "invalid_request", "A decision names letters by ids, or by group, consumer, type, reason or subject.")
        }
        return .matching(filter)
    }
}
