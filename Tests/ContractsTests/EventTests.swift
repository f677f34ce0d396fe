internal import Contracts
internal import Foundation
internal import JSON
internal import Testing

/// Events against their schemas' examples, and what a producer must not send.
@Suite struct EventTests {
    /// Reads an example, writes it again, and compares the values of the two.
    struct RoundTrip: Sendable, CustomTestStringConvertible {
        let type: String
        let dataSchema: String
        let run: @Sendable ([UInt8]) throws -> [UInt8]

        var testDescription: String { type }

        init<Payload: EventPayload>(_ payload: Payload.Type) {
            type = Payload.type
            dataSchema = Payload.dataSchema
            run = { bytes in try Payload(decoding: bytes).encoded() }
        }
    }

    static let all = EventTypes.all.map { RoundTrip($0) }

    /// The folder `events` beside the tests.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("events")

    static func example(of type: String) throws -> [UInt8] { [UInt8](try file("example", of: type)) }

    private static func file(_ kind: String, of type: String) throws -> Data {
        let parts = type.split(separator: ".").map(String.init)
        return try Data(
            contentsOf: folder.appendingPathComponent("\(parts[1])-events/\(parts[2])/\(parts[3]).\(kind).json"))
    }

    @Test(arguments: all)
    func theSchemaIsNamedAsItsEventsNameIt(_ event: RoundTrip) throws {
        let schema = try JSONSerialization.jsonObject(with: Self.file("schema", of: event.type)) as? [String: Any]
        #expect(schema?["$id"] as? String == event.dataSchema)
    }

    @Test(arguments: all)
    func theExampleComesBackAsItWas(_ event: RoundTrip) throws {
        let example = try Self.example(of: event.type)
        let written = try event.run(example)
        let before = try #require(try JSONSerialization.jsonObject(with: Data(example)) as? NSDictionary)
        let after = try #require(try JSONSerialization.jsonObject(with: Data(written)) as? NSDictionary)
        #expect(before == after)
    }

    @Test(arguments: all)
    func unknownFieldsArePassedOver(_ event: RoundTrip) throws {
        var text = String(decoding: try Self.example(of: event.type), as: UTF8.self)
        text.replaceSubrange(text.startIndex...text.startIndex, with: #"{"added_later": {"x": [1]}, "#)
        #expect(try event.run(Array(text.utf8)) == event.run(Self.example(of: event.type)))
    }

    @Test(arguments: all)
    func whatIsNoObjectIsRefused(_ event: RoundTrip) {
        for text in ["", "[]", "null", "{", "{}"] {
            #expect(throws: ContractError.self) { try event.run(Array(text.utf8)) }
        }
    }

    private static let exceeded = BudgetExceededV1(
        userID: "019aa1b2-0000-7000-8000-000000000001", budgetID: "019aa1b2-0000-7000-8000-000000000020",
        budgetName: "Groceries", periodStart: "2026-11-01", periodEnd: "2026-11-30", threshold: 80, crossing: 1,
        spent: EventMoney(amount: "166.50", currency: "EUR"), limit: EventMoney(amount: "200.00", currency: "EUR"),
        percent: "83.25", occurredAt: "2026-11-20T09:30:00.123Z")

    /// A change that breaks a rule, and the field that the error has to name.
    struct Breach: Sendable, CustomTestStringConvertible {
        let field: String
        let change: @Sendable (inout BudgetExceededV1) -> Void

        var testDescription: String { field }
    }

    @Test(arguments: [
        Breach(field: "user_id") { $0.userID = "nobody" },
        Breach(field: "budget_name") { $0.budgetName = String(repeating: "x", count: 101) },
        Breach(field: "budget_name") { $0.budgetName = "a\0" },
        Breach(field: "period_start") { $0.periodStart = "2026-02-30" },
        Breach(field: "threshold") { $0.threshold = 0 },
        Breach(field: "spent.amount") { $0.spent.amount = "1,5" },
        Breach(field: "limit.currency") { $0.limit.currency = "eur" },
        Breach(field: "percent") { $0.percent = "" },
        Breach(field: "occurred_at") { $0.occurredAt = "yesterday" },
    ])
    func producersCannotBreakTheSchema(_ breach: Breach) throws {
        _ = try Self.exceeded.encoded()
        var event = Self.exceeded
        breach.change(&event)
        let error = #expect(throws: ContractError.self) { try event.encoded() }
        #expect(error?.field == breach.field)
        #expect(error?.isRetriable == false)
    }

    @Test func valuesOutsideAnEnumerationAreRefusedByProducersAndReadByConsumers() throws {
        let text = #"{"user_id":"u","session_ids":[],"reason":"something_new","revoked_at":"r"}"#
        let event = try SessionsRevokedV1(decoding: Array(text.utf8))
        #expect(event.reason == "something_new")
        #expect(throws: ContractError.self) { try event.encoded() }
    }

    @Test(arguments: [
        (#"{"session_ids":[],"reason":"r","revoked_at":"r"}"#, "user_id"),
        (#"{"user_id":1,"session_ids":[],"reason":"r","revoked_at":"r"}"#, "user_id"),
        (#"{"user_id":"u","session_ids":"s","reason":"r","revoked_at":"r"}"#, "session_ids"),
        (#"{"user_id":"u","session_ids":[1],"reason":"r","revoked_at":"r"}"#, "session_ids"),
        (#"{"user_id":"u","session_ids":[],"reason":null,"revoked_at":"r"}"#, "reason"),
    ])
    func consumersNameTheFieldTheyCannotRead(_ text: String, _ field: String) {
        let error = #expect(throws: ContractError.self) { try SessionsRevokedV1(decoding: Array(text.utf8)) }
        #expect(error?.code == .invalidField)
        #expect(error?.field == field)
    }
}
