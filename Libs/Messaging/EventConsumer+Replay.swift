internal import CloudEvents
internal import EventLoop
internal import Observability

/// Handles dead letters again, as `DeadLetterStore` asks for: in the lanes of the live events, so in order with them.
extension EventConsumer {
    /// The most letters in memory at a time.
    private static let replayPage = 500

    /// How often the letters are counted, and how far.
    private static let countInterval: Duration = .seconds(15)
    private static let countLimit = 100_000

    /// Looks for requests until the task is cancelled.
    func replayRequested() async {
        var isFailing = false
        var nextCount = Duration.zero
        while !Task.isCancelled {
            do {
                if loop.now >= nextCount {
                    nextCount = loop.now + Self.countInterval
                    let query = ReplayQueries.count(consumer: worker.consumer, limit: Self.countLimit)
                    worker.metrics.letters.set(Double(try await pool.query(query).first(as: Int.self)))
                }
                let query = ReplayQueries.requested(consumer: worker.consumer, limit: Self.replayPage)
                let letters = try ReplayQueries.decode(try await pool.query(query))
                isFailing = false
                guard letters.isEmpty else {
                    try await replay(letters)
                    continue
                }
            } catch {
                if Task.isCancelled { return }
                if !isFailing { logger.warning("dead letters could not be looked for", [.error: .error(error)]) }
                isFailing = true
            }
            do {
                try await loop.sleep(for: configuration.replayInterval * Double.random(in: 0.5...1.5))
            } catch {
                return
            }
        }
    }

    /// Returns when each letter is handled or has failed again.
    private func replay(_ letters: [ReplayQueries.Letter]) async throws {
        var read: [Int64] = []
        for letter in letters {
            do {
                let events = try handled(letter.message())
                if letter.isEvent {
                    replay(
                        events.map { event in
                            PendingEvent(content: .letter(event, number: letter.id), id: EventIdentity(of: event))
                        }, isLastTry: true)
                    // Nobody is for such events any more.
                    if events.isEmpty { read.append(letter.id) }
                } else {
                    // From here on they are events like any other, which are handled or put aside each for itself.
                    replay(events.map { PendingEvent(content: .event($0), id: EventIdentity(of: $0)) })
                    read.append(letter.id)
                }
            } catch {
                try await pool.batch(
                    ReplayQueries.fail(
                        letter.id, nil, type: letter.routingKey, consumer: worker.consumer, reason: .undecodable,
                        error: String(describing: error)))
            }
        }
        var seen: UInt64 = 0
        while replaying > 0, !Task.isCancelled {
            seen = await replayed.wait(after: seen, atMost: .seconds(60), on: loop)
        }
        guard !Task.isCancelled else { return }
        if !read.isEmpty { try await pool.query(ReplayQueries.remove(read)) }
    }

    private func replay(_ events: [PendingEvent], isLastTry: Bool = false) {
        guard !events.isEmpty else { return }
        replaying += 1
        add(.replay, events, isLastTry: isLastTry)
    }
}
