/// The rows of one round on their way to the broker, as a value: of each partition key never more than one is in flight.
///
/// A broker may refuse, return or lose one event and take the next. Had that one been sent before the first was confirmed,
/// consumers would see them the wrong way round, and no later repair could undo it. So the rows go out in waves: a wave
/// holds the next row of every key whose earlier rows are all confirmed.
struct RelayRound: Sendable {
    /// What became of each row; nil where it was not sent.
    private(set) var outcomes: [PublishOutcome?]
    /// Indices of the rows to be published now, in order; empty when the round is over.
    private(set) var wave: [Int] = []

    /// The next row of the same key, by row.
    private var followers: [Int?]

    /// Begins with the first row of each key.
    ///
    /// - Parameter keys: the partition key of each row, in the order of the rows.
    init(keys: some Collection<String>) {
        outcomes = Array(repeating: nil, count: keys.count)
        followers = Array(repeating: nil, count: keys.count)
        var latest: [String: Int] = [:]
        latest.reserveCapacity(keys.count)
        for (index, key) in keys.enumerated() {
            if let earlier = latest.updateValue(index, forKey: key) {
                followers[earlier] = index
            } else {
                wave.append(index)
            }
        }
    }

    /// Takes the answers for the present wave, in its order, and moves on to the next.
    ///
    /// After a failure of the broker nothing more is sent: it needs a pause. An event that no queue wants stops its own key.
    mutating func settle(_ answers: [PublishOutcome]) {
        precondition(answers.count == wave.count, "a publisher answers for each event")
        var next: [Int] = []
        var isFailing = false
        for (index, answer) in zip(wave, answers) {
            outcomes[index] = answer
            switch answer {
            case .confirmed: if let follower = followers[index] { next.append(follower) }
            case .unroutable: break
            case .failed: isFailing = true
            }
        }
        wave = isFailing ? [] : next.sorted()
    }

    /// Ends the round before its time; what was not sent waits for another.
    mutating func stop() { wave = [] }
}
