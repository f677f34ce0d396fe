import Foundation
import Testing
import TestKit

/// What an operator does about dead letters of all services, at the event processor, with the programs as they are run.
@Suite(.serialized) struct DeadLetterOperationTests {
    private func waitForLetters(_ count: Int, _ program: ServiceProcess.Program, _ scene: DeadLetterScene) async throws
    {
        try await scene.expense.wait("\(count) letters of \(program)") {
            try await scene.count(program, "dead_letters") == count
        }
    }

    @Test(.timeLimit(.minutes(10))) func aLetterIsListedShownAndReplayedOnce() async throws {
        try await DeadLetterScene.run { scene in
            let user = DeadLetterScene.identifier()
            let event = DeadLetterScene.registration(of: user)
            try await scene.breakCategories()
            try await scene.publish(event)
            try await waitForLetters(1, .expense, scene)

            let list = try await scene.deadLetters("list")
            #expect(list.status == 0 && list.lines.count == 1)
            let line = try #require(list.lines.first)
            #expect(line["id"] as? String == "expense-1" && line["service"] as? String == "expense")
            #expect(line["consumer"] as? String == "expense.user-lifecycle" && line["subject"] as? String == user)
            #expect(line["reason"] as? String == "handler_failed" && line["attempts"] as? Int == 4)
            let group = try #require(line["group"] as? String)
            let shown = try await scene.deadLetters("show", "expense-1")
            #expect((shown.lines.first?["event"] as? [String: Any])?["id"] as? String == event.id)
            let groups = try await scene.deadLetters("groups", "--service", "expense")
            #expect(groups.lines.map { $0["group"] as? String } == [group])

            let dry = try await scene.deadLetters("replay", "--group", group, "--dry-run")
            #expect(dry.status == 0 && dry.lines.first?["selected"] as? Int == 1)
            #expect(try await scene.count(.expense, "dead_letters WHERE replay_requested_at IS NULL") == 1)

            // It fails again as long as its cause is there, and stays with the error.
            #expect(try await scene.deadLetters("replay", "expense-1").status == 0)
            try await eventually("it has failed again") {
                try await scene.sql(.expense, "SELECT attempts, replay_requested_at IS NULL FROM dead_letters") == "5|t"
            }
            #expect(try await scene.count(.expense, "categories") == 0)

            try await scene.mendCategories()
            #expect(try await scene.deadLetters("replay", "--group", group).lines.first?["selected"] as? Int == 1)
            try await waitForLetters(0, .expense, scene)
            let effect = try await scene.count(.expense, "categories")
            #expect(effect > 0)

            // Neither another replay nor another delivery has a second effect.
            let again = try await scene.deadLetters("replay", "expense-1")
            #expect(again.status == 1 && again.lines.first?["missing"] as? [String] == ["expense-1"])
            try await scene.publish(event)
            let other = DeadLetterScene.registration(of: DeadLetterScene.identifier())
            try await scene.publish(other)
            try await eventually("what was published after it is handled") {
                try await scene.count(.expense, "inbox WHERE event_id = '\(other.id)'") == 1
            }
            #expect(try await scene.count(.expense, "categories") == 2 * effect)
            #expect(try await scene.count(.expense, "dead_letters") == 0)
        }
    }

    @Test(.timeLimit(.minutes(10))) func theAdminAddressDoesTheSame() async throws {
        try await DeadLetterScene.run { scene in
            let user = DeadLetterScene.identifier()
            try await scene.breakCategories()
            try await scene.publish(DeadLetterScene.registration(of: user))
            try await waitForLetters(1, .expense, scene)
            try await scene.publish(DeadLetterScene.noEvent())
            try await waitForLetters(2, .expense, scene)
            try await waitForLetters(1, .portfolio, scene)
            try await waitForLetters(2, .processor, scene)

            let page = try await scene.admin("GET", "/dead-letters?limit=4")
            #expect(page.status == 200 && page.type == "application/json")
            let ids = (page.json["data"] as? [[String: Any]])?.map { $0["id"] as? String }
            #expect(ids == ["processor-1", "processor-2", "expense-1", "expense-2"])
            let cursor = try #require(page.json["next_cursor"] as? String)
            let rest = try await scene.admin("GET", "/dead-letters?limit=4&cursor=\(cursor)")
            #expect((rest.json["data"] as? [[String: Any]])?.map { $0["id"] as? String } == ["portfolio-1"])
            #expect(rest.json["next_cursor"] is NSNull)
            let undecodable = try await scene.admin("GET", "/dead-letters/groups?reason=undecodable")
            #expect((undecodable.json["data"] as? [[String: Any]])?.count == 4)
            let shown = try await scene.admin("GET", "/dead-letters/expense-1")
            #expect((shown.json["letter"] as? [String: Any])?["subject"] as? String == user)

            try await scene.mendCategories()
            let dry = try await scene.admin("POST", "/dead-letters/expense-1/replay", #"{"dry_run":true}"#)
            #expect(dry.json["selected"] as? Int == 1 && dry.json["dry_run"] as? Bool == true)
            #expect(try await scene.count(.expense, "dead_letters") == 2)
            #expect(try await scene.admin("POST", "/dead-letters/expense-1/replay").status == 200)
            try await waitForLetters(1, .expense, scene)
            #expect(try await scene.count(.expense, "categories") > 0)

            let discarded = try await scene.admin("POST", "/dead-letters/expense-2/discard")
            #expect(discarded.status == 200 && discarded.json["selected"] as? Int == 1)
            let archived = try await scene.admin("POST", "/dead-letters/archive", #"{"reason":"undecodable"}"#)
            #expect(archived.json["selected"] as? Int == 3)
            #expect((try await scene.admin("GET", "/dead-letters").json["data"] as? [Any])?.count == 0)
            #expect((try await scene.admin("GET", "/dead-letters?state=archived").json["data"] as? [Any])?.count == 3)

            for (method, path, status) in [
                ("GET", "/dead-letters/17", 400), ("GET", "/dead-letters/expense-99", 404),
                ("POST", "/dead-letters/expense-99/replay", 404), ("DELETE", "/dead-letters", 405),
                ("POST", "/dead-letters/replay", 415),
            ] {
                let answer = try await scene.admin(method, path)
                #expect(answer.status == status && answer.type == "application/problem+json", "\(method) \(path)")
                #expect(answer.json["status"] as? Int == status)
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func lettersAreDiscardedAndArchivedForGood() async throws {
        try await DeadLetterScene.run { scene in
            let (lost, kept) = (DeadLetterScene.identifier(), DeadLetterScene.identifier())
            let (first, second) = (DeadLetterScene.registration(of: lost), DeadLetterScene.registration(of: kept))
            try await scene.breakCategories()
            try await scene.publish(first)
            try await scene.publish(second)
            try await waitForLetters(2, .expense, scene)
            let dry = try await scene.deadLetters("discard", "--subject", lost, "--dry-run")
            #expect(dry.lines.first?["selected"] as? Int == 1)
            #expect(try await scene.count(.expense, "dead_letters") == 2)
            #expect(try await scene.deadLetters("discard", "--subject", lost).status == 0)
            #expect(try await scene.deadLetters("archive", "--subject", kept, "--service", "expense").status == 0)
            #expect(try await scene.deadLetters("list").lines.isEmpty)
            let archived = try await scene.deadLetters("list", "--state", "archived")
            #expect(archived.lines.map { $0["subject"] as? String } == [kept])

            // Both are settled: delivered again, they have no effect although nothing hinders it any more.
            try await scene.mendCategories()
            try await scene.publish(first)
            try await scene.publish(second)
            let last = DeadLetterScene.registration(of: DeadLetterScene.identifier())
            try await scene.publish(last)
            try await eventually("what was published after them is handled") {
                try await scene.count(.expense, "inbox WHERE event_id = '\(last.id)'") == 1
            }
            #expect(try await scene.count(.expense, "categories WHERE owner_id IN ('\(lost)', '\(kept)')") == 0)
        }
    }

    @Test(.timeLimit(.minutes(10))) func aServiceThatIsAwayIsNamed() async throws {
        try await DeadLetterScene.run { scene in
            try await scene.publish(DeadLetterScene.noEvent())
            try await waitForLetters(1, .portfolio, scene)
            try await waitForLetters(2, .processor, scene)
            scene.expense.kill()
            let list = try await scene.deadLetters("list")
            #expect(list.status == 1)
            #expect(list.lines.map { $0["id"] as? String } == ["processor-1", "processor-2", "portfolio-1"])
            let page = try await scene.admin("GET", "/dead-letters")
            #expect(page.status == 200 && (page.json["data"] as? [Any])?.count == 3)
            let away = try #require((page.json["unavailable"] as? [[String: Any]])?.first)
            #expect(away["service"] as? String == "expense" && away["reason"] is String)
            #expect(try await scene.admin("GET", "/dead-letters/expense-1").status == 503)
            #expect(try await scene.deadLetters("show", "expense-1").status == 1)
            #expect(try await scene.deadLetters("list", "--service", "portfolio").status == 0)
        }
    }

    /// Misuse is told with the usage, before anything else is looked at.
    @Test(.timeLimit(.minutes(5)), arguments: [[], ["drop"], ["show", "17"], ["replay", "--service", "expense"]])
    func misuseIsTold(arguments: [String]) async throws {
        let process = try ServiceProcess(.processor, ["dead-letters"] + arguments, [:])
        defer { process.kill() }
        #expect(try await process.status() == 64)
        try await process.wait("the usage") { process.log.contains("usage: event-processor dead-letters list") }
    }

    @Test(.timeLimit(.minutes(5))) func helpNeedsNoConfiguration() async throws {
        let program = try ServiceProcess.products().appending(path: ServiceProcess.Program.processor.rawValue)
        let help = try await runProgram(program.path, ["dead-letters", "--help"], environment: [:])
        #expect(help.status == 0 && help.output.hasPrefix("usage: event-processor dead-letters list"))
    }

    /// A thousand at a time, as ten thousand are: each handled once.
    @Test(.timeLimit(.minutes(10))) func aGroupIsReplayedAtOnce() async throws {
        let count = 1_000
        try await DeadLetterScene.run { scene in
            try await scene.breakCategories()
            let user = DeadLetterScene.identifier()
            try await scene.publish(DeadLetterScene.registration(of: user))
            try await waitForLetters(1, .expense, scene)
            try await scene.sql(.expense, Self.copies(count - 1, of: user))
            try await scene.mendCategories()
            let group = try await scene.sql(.expense, "SELECT DISTINCT cause FROM dead_letters")
            let answer = try await scene.deadLetters("replay", "--group", group)
            #expect(answer.lines.first?["selected"] as? Int == count)
            try await waitForLetters(0, .expense, scene)
            #expect(try await scene.count(.expense, "inbox") == count)
            let effects = try await scene.sql(
                .expense,
                "SELECT count(*), count(DISTINCT n) FROM (SELECT count(*) AS n FROM categories GROUP BY owner_id) AS c")
            #expect(effects == "\(count)|1")
        }
    }

    /// Letters like the only one there is, each of a user of its own.
    static func copies(_ count: Int, of user: String) -> String {
        """
        INSERT INTO dead_letters (consumer, event_id, type, source, subject, partition_key, reason, cause, attempts,
            error, content_type, headers, event, traceparent)
        SELECT consumer, new::uuid, type, source, new, new, reason, cause, attempts, error, content_type, headers,
            convert_to(replace(replace(convert_from(event, 'UTF8'), '\(user)', new), event_id::text, new), 'UTF8'),
            traceparent
        FROM dead_letters, LATERAL (
            SELECT '019aa1b2-0001-7000-8000-' || lpad(to_hex(n), 12, '0') AS new FROM generate_series(1, \(count)) AS n
        ) AS names
        """
    }
}
