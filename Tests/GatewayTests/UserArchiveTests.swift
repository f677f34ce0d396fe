import Chronology
import Contracts
import Foundation
import GRPC
import HTTPTesting
import ServiceRuntime
import TestKit
import Testing

/// The archive of a user, as the gateway makes it of what the services send.
@Suite(.timeLimit(.minutes(5))) struct UserArchiveTests {
    private func export(_ bench: GatewayBench, _ token: String) async throws -> ProgramResult {
        try await curl(["--header", "Authorization: Bearer \(token)", "http://\(bench.address)/v1/users/me/export"])
    }

    @Test func thePagesOfAllServicesAreOneDocument() async throws {
        try await GatewayBench.run { bench in
            let user = UUIDv7.make()
            bench.services.on("ReadArchive") { (request: ArchiveRequest, context) in
                let caller = try Caller(context.metadata)
                #expect(caller.userID == user)
                let number = request.cursor.flatMap { Int($0) } ?? 0
                let rows = (0..<2).map {
                    ArchiveRow(kind: number < 2 ? "first" : "second", json: #"{"page":\#(number),"row":\#($0)}"#)
                }
                return ArchivePage(rows: number == 1 ? [] : rows, nextCursor: number < 3 ? "\(number + 1)" : nil)
            }
            let answer = try await export(bench, bench.tokens.make(user: user))
            #expect(answer.status == 0)
            let document = try #require(
                try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
            #expect(Set(document.keys) == ["exported_at", "auth", "expense", "portfolio", "events"])
            for service in ["auth", "expense", "portfolio", "events"] {
                let kinds = try #require(document[service] as? [String: [[String: Int]]])
                #expect(kinds["first"]?.map { $0["page"] } == [0, 0])
                #expect(kinds["second"]?.map { $0["page"] } == [2, 2, 3, 3])
            }
        }
    }

    @Test func somebodyOfWhomNothingIsKnownGetsEmptyObjects() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ReadArchive") { (_: ArchiveRequest, _) in ArchivePage() }
            let output = try await export(bench, bench.tokens.make()).output
            #expect(output.hasSuffix("\"auth\":{},\"expense\":{},\"portfolio\":{},\"events\":{}}\n"))
        }
    }

    @Test func aServiceThatIsAwayIsNamedBeforeAnythingIsSent() async throws {
        try await GatewayBench.run {
            $0.missing = ["portfolio"]
        } _: { bench in
            bench.services.on("ReadArchive") { (_: ArchiveRequest, _) in ArchivePage() }
            let answer = try await bench.send("GET", "/v1/users/me/export", token: bench.tokens.make())
            #expect(answer.status == 503 && answer["retry-after"] != nil)
            #expect(try answer.json("dependency") == "portfolio")
        }
    }

    /// An archive lasts as long as its client reads.
    @Test func aUserHasTwoAtATime() async throws {
        try await GatewayBench.run { bench in
            let (gate, open) = AsyncStream<Void>.makeStream()
            bench.services.on("ReadArchive") { (request: ArchiveRequest, _) in
                if request.cursor != nil { for await _ in gate {} }
                return ArchivePage(nextCursor: request.cursor == nil ? "1" : nil)
            }
            let path = "/v1/users/me/export"
            let request = bench.request("GET", path, token: try bench.tokens.make())
            let clients = try (0..<2).map { _ in try SocketClient(bench.address) }
            for client in clients {
                try await client.send(request)
                #expect(try await client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
            }
            let third = try await bench.send(request)
            #expect(third.status == 429 && third["retry-after"] == "5")
            #expect(try third.json("code") == "too_many_streams")
            let other = bench.request("GET", path, token: try bench.tokens.make())
            #expect(try await bench.status(of: other) == 200)
            clients[0].leave()
            try await eventually("its place is free") { try await bench.status(of: request) == 200 }
            open.finish()
            _ = try await clients[1].receive(until: "\r\n0\r\n\r\n")
        }
    }

    /// A client never takes a part for the whole.
    @Test func aServiceThatGoesAwayBreaksTheAnswerOff() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ReadArchive") { (request: ArchiveRequest, _) in
                guard request.cursor == nil else { throw GRPCStatus(.unavailable) }
                return ArchivePage(rows: [ArchiveRow(kind: "rows", json: "{}")], nextCursor: "1")
            }
            let answer = try await export(bench, bench.tokens.make())
            // curl: the transfer was closed before its end, or reset.
            #expect([18, 56].contains(answer.status))
        }
    }

    @Test func nobodyElseReadsIt() async throws {
        try await GatewayBench.run { bench in
            #expect(try await bench.send("GET", "/v1/users/me/export").status == 401)
            let head = try await bench.send("HEAD", "/v1/users/me/export", token: bench.tokens.make())
            #expect(head.status == 200 && bench.services.received.allSatisfy { $0.method != "ReadArchive" })
        }
    }
}
