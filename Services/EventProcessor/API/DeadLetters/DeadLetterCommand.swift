import Contracts
import JSON
package import Observability
import ServiceRuntime

/// `event-processor dead-letters …`: what an operator wants, as the command line says it.
package struct DeadLetterCommand: Sendable {
    /// What `--help` says, and a command line that is at fault.
    package static let usage = """
        usage: event-processor dead-letters list [FILTER…] [--cursor ID]
               event-processor dead-letters groups [FILTER…]
               event-processor dead-letters show ID
               event-processor dead-letters replay|discard|archive ID… [--dry-run]
               event-processor dead-letters replay|discard|archive FILTER… [--dry-run]

        Events that a consumer could not handle are put aside in the database of its service.
          list     all that wait, the oldest of each service first, a line of JSON each
          groups   how many failed alike, the most first
          show     one of them with the event
          replay   has them handled again, with all others of their aggregates, in order; asked twice it is done once
          discard  forgets them: their events are never handled
          archive  the same, but `list --state archived` shows them for the record

        An ID is that of a line, such as expense-17. Each FILTER narrows:
          --service S   \(ConsumingService.names)
          --consumer Q  the queue, such as expense.user-lifecycle
          --type T      the event's type
          --reason R    undecodable, handler_failed, unprocessable, behind_parked
          --group G     the name of a group that failed alike
          --subject ID  the aggregate
          --state S     parked, replaying, archived
        A decision needs an ID or a filter beside --service and --state. With --dry-run nothing is changed and the same
        counts are told. Exit status: 0 done; 1 something is missing or a service did not answer; 64 not understood.

        """

    enum Request {
        case list(DeadLetterCriteria)
        case groups(DeadLetterCriteria)
        case show(DeadLetterID)
        case decideByID(DeadLetterDesk.Action, [DeadLetterID], isDryRun: Bool)
        case decide(DeadLetterDesk.Action, DeadLetterCriteria, isDryRun: Bool)
    }

    let request: Request

    /// Why the arguments cannot be understood; nil when they can.
    package static func fault(_ arguments: [String]) -> String? {
        do throws(UsageFault) {
            _ = try DeadLetterCommand(arguments)
            return nil
        } catch {
            return error.text
        }
    }

    /// Reads the arguments after `dead-letters`.
    package init(_ arguments: [String]) throws(UsageFault) {
        guard let verb = arguments.first else { throw UsageFault("what is to be done is missing") }
        let options = try Options(arguments.dropFirst())
        switch verb {
        case "list": request = .list(try options.listing())
        case "groups": request = .groups(try options.listing())
        case "show":
            guard options.ids.count == 1, options.isPlain else { throw UsageFault("show takes one ID") }
            request = .show(options.ids[0])
        default:
            guard let action = DeadLetterDesk.Action(rawValue: verb) else {
                throw UsageFault("there is no \(verb)")
            }
            let criteria = try options.deciding()
            request =
                options.ids.isEmpty
                ? .decide(action, criteria, isDryRun: options.isDryRun)
                : .decideByID(action, options.ids, isDryRun: options.isDryRun)
        }
    }
}

/// A command line that cannot be understood.
package struct UsageFault: Error {
    let text: String

    init(_ text: String) { self.text = text }
}

/// What stands after the verb.
private struct Options {
    private(set) var ids: [DeadLetterID] = []
    private(set) var isDryRun = false
    private var named: [(name: String, value: String)] = []

    init(_ arguments: ArraySlice<String>) throws(UsageFault) {
        var rest = arguments
        while let argument = rest.popFirst() {
            if argument == "--dry-run" {
                isDryRun = true
            } else if argument.hasPrefix("--") {
                guard let value = rest.popFirst() else { throw UsageFault("\(argument) needs a value") }
                named.append((String(argument.dropFirst(2)), value))
            } else if let id = DeadLetterID(argument) {
                ids.append(id)
            } else {
                throw UsageFault("\(argument) is no ID; one is like expense-17")
            }
        }
    }

    var isPlain: Bool { named.isEmpty && !isDryRun }

    func listing() throws(UsageFault) -> DeadLetterCriteria {
        guard ids.isEmpty, !isDryRun else { throw UsageFault("a listing takes filters alone") }
        var criteria = DeadLetterCriteria()
        for (name, value) in named {
            // All are listed, however many pages that takes.
            let fault = name == "limit" ? "there is no limit" : criteria.takeForListing(name, value)
            if let fault { throw UsageFault(fault) }
        }
        criteria.limit = DeadLetterCriteria.longestPage
        return criteria
    }

    func deciding() throws(UsageFault) -> DeadLetterCriteria {
        var criteria = DeadLetterCriteria()
        for (name, value) in named {
            if let fault = criteria.take(name, value) { throw UsageFault(fault) }
        }
        guard ids.isEmpty != named.isEmpty else { throw UsageFault("a decision needs IDs or filters, one of them") }
        guard !ids.isEmpty || criteria.isNarrow else {
            throw UsageFault("a decision needs a filter beside --service and --state")
        }
        return criteria
    }
}

// MARK: Doing it

extension DeadLetterCommand {
    /// Does it; returns the exit status.
    ///
    /// - Parameter output: takes the answer, lines of JSON.
    package func run(at desk: DeadLetterDesk, logger: Logger, output: (String) -> Void) async throws -> Int32 {
        func write(_ json: [UInt8]) { output(String(decoding: json, as: UTF8.self) + "\n") }
        switch request {
        case .list(let criteria):
            return await list(criteria, at: desk, write)
        case .groups(let criteria):
            let page = await desk.groups(criteria)
            for group in page.data { write(group.json()) }
            return Self.status(page.unavailable)
        case .show(let id):
            guard let record = try await desk.show(id) else {
                logger.error("there is no such dead letter")
                return ServiceMain.Status.failure
            }
            write(record.shown())
            return ServiceMain.Status.ok
        case .decideByID(let action, let ids, let isDryRun):
            return Self.tell(await desk.decide(action, about: ids, isDryRun: isDryRun), write)
        case .decide(let action, let criteria, let isDryRun):
            return Self.tell(await desk.decide(action, about: criteria, isDryRun: isDryRun), write)
        }
    }

    private func list(
        _ criteria: DeadLetterCriteria, at desk: DeadLetterDesk, _ write: ([UInt8]) -> Void
    ) async -> Int32 {
        var criteria = criteria
        var status = ServiceMain.Status.ok
        repeat {
            let page = await desk.list(criteria)
            for letter in page.data { write(letter.json()) }
            status = max(status, Self.status(page.unavailable))
            criteria.cursor = page.nextCursor.flatMap(DeadLetterID.init)
        } while criteria.cursor != nil
        return status
    }

    private static func tell(_ summary: DeadLetterSummary, _ write: ([UInt8]) -> Void) -> Int32 {
        write(summary.json())
        return summary.missing.isEmpty ? status(summary.unavailable) : ServiceMain.Status.failure
    }

    /// Those that are away are in the log, each with its reason.
    private static func status(_ unavailable: [DeadLetterAbsence]) -> Int32 {
        unavailable.isEmpty ? ServiceMain.Status.ok : ServiceMain.Status.failure
    }
}
