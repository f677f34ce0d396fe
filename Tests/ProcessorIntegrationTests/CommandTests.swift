import Chronology
import Foundation
import Messaging
import Secrets
import ServersTesting
import ServiceRuntime
import Synchronization
import Testing
import TestKit

@testable import event_processor

/// The program's commands, as an operator runs them.
@Suite struct CommandTests {
    private struct Outcome {
        let status: Int32
        let output: String
        let log: String
    }

    private func run(_ arguments: [String], _ environment: [String: String]) async -> Outcome {
        let texts = Mutex((output: "", log: ""))
        let status = await ServiceMain.run(
            ProcessorProgram.self, arguments: arguments, source: ConfigurationSource(environment: environment),
            output: { text in texts.withLock { $0.output += text } },
            errors: { text in texts.withLock { $0.log += text } },
            sink: { line in texts.withLock { $0.log += String(decoding: line, as: UTF8.self) } })
        let (output, log) = texts.withLock { $0 }
        return Outcome(status: status, output: output, log: log)
    }

    private func environment(_ processor: ProcessorFixture) throws -> [String: String] {
        [
            "FLORIN_DATABASE_URL": try #require(processor.databases["events"]), "FLORIN_AMQP_URL": processor.brokerURL,
            "FLORIN_MAIL_DIR": processor.mailFolder.path,
            "FLORIN_SEAL_PRIVATE_KEY": processor.sealKey.revealedBase64(),
        ]
    }

    @Test(.timeLimit(.minutes(5))) func deadLettersAreListedAndShown() async throws {
        try await ProcessorFixture.run { processor in
            let environment = try environment(processor)
            // The other services are not there: the command asks for this one's alone.
            let listing = ["dead-letters", "list", "--service", "processor"]
            #expect(await run(listing, environment).output == "")
            let foreign = try SampleEvents.verificationRequested(
                .make(), token: "t", sealedTo: try ProcessorFixture.foreignKey())
            try await processor.publish([OutboundEvent(foreign)])
            try await processor.mailing {
                try await eventually("it is parked") { try await processor.count("dead_letters") == 1 }
            }
            let list = await run(listing, environment)
            #expect(list.status == ServiceMain.Status.ok)
            #expect(list.output.split(separator: "\n").count == 1)
            #expect(list.output.contains("\"event_id\":\"\(foreign.id)\""))
            #expect(!list.output.contains("ada@example.org"))
            let shown = await run(["dead-letters", "show", "processor-1"], environment)
            #expect(shown.status == ServiceMain.Status.ok)
            let letter = try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any]
            #expect((letter?["event"] as? [String: Any])?["id"] as? String == foreign.id.description)
            #expect(
                await run(["dead-letters", "show", "processor-2"], environment).status == ServiceMain.Status.failure)
        }
    }

    @Test(.timeLimit(.minutes(5))) func auditVerifyNamesWhatDoesNotHold() async throws {
        try await ProcessorFixture.run { processor in
            let environment = try environment(processor)
            let user = UUIDv7.make()
            try await processor.publish([OutboundEvent(try SampleEvents.spent(user))])
            try await processor.auditing {
                try await eventually("it is recorded") { try await processor.count("audit_entries") == 1 }
            }
            let good = await run(["audit", "verify"], environment)
            #expect(good.status == ServiceMain.Status.ok)
            #expect(good.log.contains("audit trails verified"))
            try await processor.pool.query("UPDATE audit_heads SET sequence = 9")
            let bad = await run(["audit", "verify"], environment)
            #expect(bad.status == ServiceMain.Status.failure)
            #expect(bad.log.contains("trail \(user): entries after 1 are missing"))
            #expect(await run(["audit"], environment).status == ServiceMain.Status.usage)
        }
    }

    @Test func everyFaultOfTheConfigurationIsTold() async {
        let outcome = await run(["serve"], ["FLORIN_SEAL_PRIVATE_KEY": "c2hvcnQ=", "FLORIN_GRPC_LISTEN": "nowhere"])
        #expect(outcome.status == ServiceMain.Status.configuration)
        for key in [
            "FLORIN_DATABASE_URL", "FLORIN_AMQP_URL", "FLORIN_GRPC_LISTEN", "FLORIN_MAIL_DIR",
            "FLORIN_SEAL_PRIVATE_KEY",
        ] {
            #expect(outcome.log.contains("event-processor: \(key) "), "\(key)")
        }
        #expect(!outcome.log.contains("c2hvcnQ"))
    }
}
