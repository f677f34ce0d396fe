internal import CloudEvents
internal import Observability
internal import Postgres

/// What a consumer does about a batch of events: the one transaction of inbox and effect, or the parking.
struct InboxWorker: Sendable {
    typealias Outcome = LaneSchedule<PendingEvent>.Outcome

    let consumer: String
    let pool: PostgresPool
    let handler: any EventHandler
    let transactionTimeout: Duration
    let logger: Logger
    let metrics: ConsumerMetrics

    func perform(_ batch: LaneSchedule<PendingEvent>.Batch) async -> Outcome {
        switch batch.job {
        case .handle: await handle(batch.items)
        case .park(let parking): await park(batch.items, parking)
        }
    }

    // MARK: Handling

    private func handle(_ items: [PendingEvent]) async -> Outcome {
        do {
            let claims = try await pool.withTransaction(timeout: transactionTimeout) { transaction in
                try await apply(items, in: transaction)
            }
            for (claim, item) in zip(claims, items) { count(claim, item) }
            return .settled
        } catch {
            return judge(error, items)
        }
    }

    private enum Claim {
        case live(Inbox.Claim)
        case letter(ReplayQueries.Claim)

        var isTaken: Bool {
            switch self {
            case .live(let claim): claim == .taken
            case .letter(let claim): claim == .taken
            }
        }
    }

    private func apply(_ items: [PendingEvent], in transaction: PostgresTransaction) async throws -> [Claim] {
        let answers = try await transaction.batch(items.compactMap(claimQuery))
        let claims = try zip(items, answers).map { item, rows -> Claim in
            switch item.content {
            case .letter: .letter(try ReplayQueries.decodeClaim(rows))
            case .event, .message: .live(try Inbox.decodeClaim(rows))
            }
        }
        if claims.contains(where: { if case .live(.behindParked) = $0 { true } else { false } }) {
            throw BehindParked()
        }
        let taken = zip(items, claims).compactMap { item, claim in claim.isTaken ? item.event : nil }
        if !taken.isEmpty { try await handler.handle(taken, in: transaction) }
        let withdrawn = zip(items, claims).compactMap { item, claim -> PostgresQuery? in
            guard case .letter(_, let number) = item.content, case .letter(.behind) = claim else { return nil }
            return ReplayQueries.withdraw(number)
        }
        try await transaction.batch(withdrawn)
        return claims
    }

    private func claimQuery(_ item: PendingEvent) -> PostgresQuery? {
        switch item.content {
        case .event(let event): Inbox.claim(event, identity: item.id, consumer: consumer)
        case .letter(let event, let number): ReplayQueries.claim(number, event, consumer: consumer)
        case .message: nil
        }
    }

    private func count(_ claim: Claim, _ item: PendingEvent) {
        switch claim {
        case .live(.taken): metrics.applied.increment()
        case .letter(.taken):
            metrics.applied.increment()
            logger.debug("a dead letter is handled", [.eventID: .string(item.id.description)])
        case .live, .letter(.duplicate): metrics.duplicates.increment()
        case .letter(.absent), .letter(.behind): break
        }
    }

    // MARK: Failing

    private func judge(_ error: any Error, _ items: [PendingEvent]) -> Outcome {
        if error is BehindParked { return .behindParked }
        if Task.isCancelled || error is CancellationError || isTransient(error) {
            logger.debug("events wait for a transient failure to pass", [.error: .error(error)])
            return .transient
        }
        if items.count == 1 {
            logger.warning(
                "an event could not be handled",
                [
                    .eventID: .string(items[0].event?.id ?? ""), .eventType: .string(items[0].type),
                    .error: .error(error),
                ])
        }
        if let failure = error as? HandlerFailure, failure.kind == .unprocessable {
            return .unprocessable(error: failure.reason)
        }
        return .failed(error: String(describing: error))
    }

    private func isTransient(_ error: any Error) -> Bool {
        switch error {
        case let error as PostgresError: error.isRetriable || error.code == .poolClosed || error.code == .cancelled
        case let error as HandlerFailure: error.kind == .transient
        default: false
        }
    }

    // MARK: Parking

    private func park(_ items: [PendingEvent], _ parking: LaneSchedule<PendingEvent>.Parking) async -> Outcome {
        do {
            for item in items where try await !park(item, parking) { return .released }
        } catch {
            // Whatever the reason, an event that cannot be put aside is kept: it blocks its own lane alone.
            let isQuiet = Task.isCancelled || isTransient(error)
            logger.log(isQuiet ? .debug : .error, "an event could not be parked", [.error: .error(error)])
            return .transient
        }
        metrics.parked(parking.reason).increment(by: items.count)
        for item in items {
            logger.error(
                "an event is parked",
                [
                    .eventID: .string(item.id.description), .eventType: .string(item.type),
                    .reason: .string(parking.reason.rawValue), .attempt: .int(parking.attempts),
                    .error: .string(parking.error),
                ])
        }
        return .settled
    }

    /// False when there is nothing any more that the event would be behind.
    ///
    /// On a connection of its own: the statements may wait for locks, and on a shared connection all that comes later would
    /// wait with them.
    private func park(_ item: PendingEvent, _ parking: LaneSchedule<PendingEvent>.Parking) async throws -> Bool {
        try await pool.withTransaction(timeout: transactionTimeout) { transaction in
            switch item.content {
            case .event(let event) where parking.reason == .behindParked:
                let query = DeadLetters.parkBehind(event, identity: item.id, consumer: consumer, error: parking.error)
                return try await transaction.query(query).first(as: Bool.self)
            case .event(let event):
                try await transaction.query(
                    DeadLetters.park(
                        event, identity: item.id, consumer: consumer, reason: parking.reason,
                        attempts: parking.attempts, error: parking.error))
            case .letter(let event, let number):
                try await transaction.batch(
                    ReplayQueries.fail(
                        number, event, type: event.type, consumer: consumer, reason: parking.reason,
                        error: parking.error))
            case .message(let delivery):
                try await transaction.query(
                    DeadLetters.park(delivery, identity: item.id, consumer: consumer, error: parking.error))
            }
            return true
        }
    }
}

/// Thrown to roll back: an event has to follow its aggregate into the dead letters.
private struct BehindParked: Error {}
