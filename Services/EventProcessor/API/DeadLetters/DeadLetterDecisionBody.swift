import HTTPServer
import JSON
import ServiceRuntime

/// The body of a decision: `{"ids": [...]}` or filters, and `dry_run`.
struct DeadLetterDecisionBody {
    private static let mostIDs = 1_000

    private(set) var ids: [DeadLetterID] = []
    private(set) var criteria = DeadLetterCriteria()
    private(set) var isDryRun = false

    /// - Parameter mayName: whether the body says which letters are meant; else the path does, and the body may be empty.
    init(_ request: HTTPRequest, mayName: Bool) throws(ProblemDetails) {
        guard !(request.body.isEmpty && !mayName) else { return }
        let mediaType = (request.headers["Content-Type"] ?? "").split(separator: ";").first ?? ""
        guard mediaType.lowercased() == "application/json" else {
            throw ProblemDetails(code: "unsupported_media_type", status: 415, detail: "The body is application/json.")
        }
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: request.body)
        } catch {
            throw .badRequest("invalid_json", "The body is no JSON.")
        }
        guard document.root.kind == .object, document.firstDuplicateKey() == nil else {
            throw Self.refusal("the body is an object with each field once")
        }
        for member in document.root.members { try take(member, mayName: mayName) }
        guard mayName else { return }
        guard ids.isEmpty != (criteria.service == nil && !criteria.isNarrow && criteria.query.state == nil) else {
            throw Self.refusal("a decision needs ids or filters, one of them")
        }
        guard !ids.isEmpty || criteria.isNarrow else {
            throw Self.refusal("a decision needs a filter beside service and state")
        }
    }

    private mutating func take(_ member: JSONMember, mayName: Bool) throws(ProblemDetails) {
        switch member.key {
        case "dry_run":
            guard let flag = member.value.bool else { throw Self.refusal("dry_run is true or false") }
            isDryRun = flag
        case "ids" where mayName:
            guard member.value.kind == .array else { throw Self.refusal("ids is a list") }
            ids = try Self.ids(member.value)
        case let name where mayName:
            guard let text = member.value.string else { throw Self.refusal("\(name.prefix(50)) is a text") }
            if let fault = criteria.take(name, text) { throw Self.refusal(fault) }
        default: throw Self.refusal("the only field here is dry_run")
        }
    }

    private static func ids(_ list: JSONValue) throws(ProblemDetails) -> [DeadLetterID] {
        var ids: [DeadLetterID] = []
        for element in list.elements {
            guard let id = element.string.flatMap(DeadLetterID.init), ids.count < mostIDs else {
                throw refusal("ids is a list of 1 to \(mostIDs) ids such as expense-17")
            }
            ids.append(id)
        }
        guard !ids.isEmpty else { throw refusal("ids is a list of 1 to \(mostIDs) ids such as expense-17") }
        return ids
    }

    private static func refusal(_ fault: String) -> ProblemDetails { .badRequest("invalid_request", fault + ".") }
}
