import HTTPTesting
import Observability

/// What came of many requests.
struct LoadOutcome {
    var answers: [Answer] = []

    /// How many answers had each status.
    var statuses: [Int: Int] { Dictionary(grouping: answers, by: \.status).mapValues(\.count) }
}

extension GatewayBench {
    /// Sends one request so many times over connections that are kept, on each one after the other.
    func load(_ count: Int, over connections: Int = 16, _ request: String) async throws -> LoadOutcome {
        try await withThrowingTaskGroup(of: [Answer].self) { group in
            for number in 0..<connections {
                let share = count / connections + (number < count % connections ? 1 : 0)
                group.addTask {
                    let client = try SocketClient(address)
                    var answers: [Answer] = []
                    for _ in 0..<share {
                        try await client.send(request)
                        answers.append(try await client.answer())
                    }
                    return answers
                }
            }
            return try await group.reduce(into: LoadOutcome()) { $0.answers += $1 }
        }
    }

    /// The value of a sample of the metrics; nil where there is none.
    func sample(_ name: String) -> Double? {
        metrics.render().split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .flatMap { Double($0.dropFirst(name.utf8.count + 1)) }
    }
}
