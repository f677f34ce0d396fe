import Chronology
import CloudEvents
import Contracts
import EventLoop
import ExpenseInfrastructure
import GRPC
import Messaging
import Postgres
import ServersTesting
import ServiceRuntime
import Testing
import Validation

@Suite struct ExpenseServiceTests {
    @Test func whatIsRecordedIsShown() async throws {
        try await ExpenseFixture.run { service in
            let food = try await service.category("Food")
            let home = try await service.category("Home")
            let made = try await service.expense(
                "50.00", merchant: "Shop", tags: ["a", "b"], splits: [(food, "20.00"), (home, "30.00")])
            let shown = try await service.client.getExpense(
                GetExpenseRequest(id: made.id), metadata: service.metadata(), timeout: .seconds(30)
            ).message
            #expect(shown == made)
            #expect(shown.splits.map(\.amount.amount) == ["20.00", "30.00"])
            #expect(shown.version == 1)
        }
    }

    @Test func everyWriteHasItsEvent() async throws {
        try await ExpenseFixture.run { service in
            let expense = try await service.expense("1.00")
            try await service.delete(expense)
            let rows = try await service.pool.query(
                """
                SELECT type, partition_key, convert_from(event, 'UTF8')::jsonb ->> 'sequence' FROM outbox
                WHERE convert_from(event, 'UTF8')::jsonb ->> 'subject' = \(expense.id) ORDER BY position
                """)
            let events = try rows.map { try $0.decode(String.self, String.self, String.self) }
            #expect(events.map(\.0) == [ExpenseCreatedV1.type, ExpenseDeletedV1.type])
            #expect(events.allSatisfy { $0.1 == service.user.description })
            #expect(events.map(\.2) == ["00000000000000000001", "00000000000000000002"])
        }
    }

    @Test func aDeletionForAnotherVersionIsRefused() async throws {
        try await ExpenseFixture.run { service in
            let expense = try await service.expense("1.00")
            for versions in ["2", "0", "2,17", ""] {
                var metadata = service.metadata()
                metadata[VersionPrecondition.metadataName] = versions
                #expect(
                    await refusal {
                        _ = try await service.client.deleteExpense(
                            DeleteExpenseRequest(id: expense.id), metadata: metadata, timeout: .seconds(30))
                    } == "precondition_failed", "for \(versions)")
            }
            let left = try await service.pool.query(
                "SELECT (SELECT count(*) FROM expenses), (SELECT count(*) FROM outbox WHERE type = \(ExpenseDeletedV1.type))"
            )
            let (expenses, events) = try left[0].decode(Int64.self, Int64.self)
            #expect(expenses == 1 && events == 0)
            var metadata = service.metadata()
            metadata[VersionPrecondition.metadataName] = "7,1"
            _ = try await service.client.deleteExpense(
                DeleteExpenseRequest(id: expense.id), metadata: metadata, timeout: .seconds(30))
        }
    }

    @Test func usersSeeTheirOwnOnly() async throws {
        try await ExpenseFixture.run { service in
            let food = try await service.category("Food")
            let expense = try await service.expense("1.00", category: food)
            let stranger = service.metadata(.make())
            #expect(
                await refusal {
                    _ = try await service.client.getExpense(
                        GetExpenseRequest(id: expense.id), metadata: stranger, timeout: .seconds(30))
                } == "not_found")
            #expect(
                await refusal {
                    _ = try await service.client.deleteExpense(
                        DeleteExpenseRequest(id: expense.id), metadata: stranger, timeout: .seconds(30))
                } == "not_found")
            #expect(
                await refusal {
                    _ = try await service.client.createExpense(
                        CreateExpenseRequest(
                            amount: Money(amount: "1.00", currency: "EUR"), spentOn: "2026-11-10", categoryID: food),
                        metadata: stranger, timeout: .seconds(30))
                } == "validation_failed category_id:unknown_category")
            let left = try await service.pool.query("SELECT count(*) FROM expenses")
            #expect(try left[0].decode(Int64.self, at: 0) == 1)
        }
    }

    @Test func aCallNeedsACaller() async throws {
        try await ExpenseFixture.run { service in
            let answer = await refusal {
                _ = try await service.client.listBudgets(
                    ListBudgetsRequest(), metadata: GRPCMetadata(), timeout: .seconds(30))
            }
            #expect(answer?.hasPrefix("unauthenticated") == true)
        }
    }

    @Test func everyBrokenRuleIsTold() async throws {
        try await ExpenseFixture.run { service in
            let answer = await refusal {
                _ = try await service.client.createExpense(
                    CreateExpenseRequest(kind: "gift", amount: Money(amount: "1.234", currency: "EUR"), spentOn: "x"),
                    metadata: service.metadata(), timeout: .seconds(30))
            }
            #expect(
                answer
                    == "validation_failed kind:unknown_value amount.amount:too_many_decimals spent_on:invalid_date")
        }
    }

    @Test func categoriesHaveTwoLevelsAndDistinctNames() async throws {
        try await ExpenseFixture.run { service in
            let food = try await service.category("Food")
            let bakery = try await service.category("Bakery", parent: food)
            #expect(
                await refusal { _ = try await service.category("Rolls", parent: bakery) }
                    == "validation_failed parent_id:nested_too_deeply")
            #expect(await refusal { _ = try await service.category("food") } == "validation_failed name:already_exists")
            #expect(
                await refusal { _ = try await service.category("X", parent: UUIDv7.make().description) }
                    == "validation_failed parent_id:unknown_category")
        }
    }

    @Test func aBudgetNeedsACategoryOfItsOwner() async throws {
        try await ExpenseFixture.run { service in
            #expect(
                await refusal { _ = try await service.budget(category: UUIDv7.make().description) }
                    == "validation_failed category_id:unknown_category")
            _ = try await service.budget(category: try await service.category("Food"))
        }
    }

    @Test func pagesAreStableUnderInserts() async throws {
        try await ExpenseFixture.run { service in
            for index in 0..<25 {
                try await service.expense("1.00", on: "2026-11-\(10 + index % 5)", merchant: "m\(index)")
            }
            var seen: [String] = []
            var cursor: String?
            repeat {
                let page = try await service.client.listExpenses(
                    ListExpensesRequest(limit: 7, cursor: cursor), metadata: service.metadata(), timeout: .seconds(30)
                ).message
                seen += page.data.compactMap(\.merchant)
                cursor = page.nextCursor
                // Newer than everything: must neither shift nor repeat what follows.
                try await service.expense("1.00", on: "2026-11-30", merchant: "late")
            } while cursor != nil
            #expect(seen.count == 25)
            #expect(Set(seen).count == 25)
        }
    }

    @Test(arguments: ["category", "merchant", "tag", "month", "currency"]) func reports(grouping: String) async throws {
        try await ExpenseFixture.run { service in
            let food = try await service.category("Food")
            try await service.expense("10.00", category: food, merchant: "Shop", tags: ["x", "y"])
            try await service.expense("4.00", category: food, kind: "refund", merchant: "Shop", tags: ["x"])
            try await service.expense("3.00", on: "2026-10-31")
            let report = try await service.client.summaryReport(
                SummaryReportRequest(from: "2026-10-01", to: "2026-11-30", groupBy: grouping),
                metadata: service.metadata(), timeout: .seconds(30)
            ).message
            let groups = report.groups.map { "\($0.label) \($0.total?.value?.amount ?? "-") \($0.count)" }
            let wanted = [
                "category": ["Food 6.00 2", " 3.00 1"], "merchant": ["Shop 6.00 2", " 3.00 1"],
                "tag": ["y 10.00 1", "x 6.00 2", " 3.00 1"], "month": ["2026-11 6.00 2", "2026-10 3.00 1"],
                "currency": ["EUR 9.00 3"],
            ]
            #expect(groups == wanted[grouping])
            #expect(report.total?.value?.amount == "9.00")
        }
    }

    @Test func aNewUserGetsTheDefaultCategoriesOnce() async throws {
        try await ExpenseFixture.run { service in
            let payload = UserRegisteredV1(
                userID: service.user.description, email: "ada@example.org", displayName: "Ada", baseCurrency: "EUR",
                locale: "en", registeredAt: "2026-11-20T09:30:00.123Z")
            let event = try OutboxEvent(
                payload, service: "auth", subject: service.user, user: service.user, sequence: 1,
                time: SystemClock().now()
            ).event
            let handler = UserLifecycleHandler(categories: service.categories)
            for _ in 0..<2 {
                try await service.pool.withTransaction { try await handler.handle(event, in: $0) }
            }
            let page = try await service.client.listCategories(
                ListCategoriesRequest(limit: 100), metadata: service.metadata(), timeout: .seconds(30)
            ).message
            #expect(page.data.count == 12)
            #expect(page.data.map { $0.name.lowercased() } == page.data.map { $0.name.lowercased() }.sorted())
        }
    }

    /// The role of one service cannot read another's schema.
    @Test func theRoleSeesItsOwnSchemaOnly() async throws {
        try await ExpenseFixture.run { service in
            let auth = try PostgresPool(
                loop: service.loop, configuration: .init(url: try #require(service.databases["auth"])))
            await auth.start()
            _ = try await auth.query("CREATE TABLE auth.secrets (value text)", timeout: .seconds(30))
            await auth.shutdown()
            for statement in [
                "SELECT * FROM auth.secrets", "CREATE TABLE auth.mine (id int)", "CREATE TABLE public.mine (id int)",
            ] {
                let error = await #expect(throws: PostgresError.self) {
                    try await service.pool.query(PostgresQuery(unescaped: statement))
                }
                #expect(error?.sqlState?.text == "42501")
            }
        }
    }

    /// A page and a report of a long history are read by index: what they touch does not grow with what is elsewhere.
    @Test func costDoesNotGrowWithHistory() async throws {
        try await ExpenseFixture.run { service in
            _ = try await service.pool.batch(
                [
                    """
                    INSERT INTO expenses
                        (id, owner_id, kind, amount, currency, spent_on, version, created_at, updated_at)
                    SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                        ('01900000-0000-7000-9000-' || lpad(to_hex(n % 20), 12, '0'))::uuid, 'expense', 1, 'EUR',
                        date '2000-01-01' + n % 9000, 1, now(), now() FROM generate_series(1, 50000) n
                    """,
                    """
                    INSERT INTO expense_parts (expense_id, position, owner_id, spent_on, amount, currency, is_split)
                    SELECT id, 1, owner_id, spent_on, amount, currency, false FROM expenses
                    """, "ANALYZE expenses", "ANALYZE expense_parts",
                ], timeout: .seconds(120))
            for query in [
                """
                EXPLAIN SELECT id FROM expenses WHERE owner_id = '01900000-0000-7000-9000-000000000001'
                ORDER BY spent_on DESC, id DESC LIMIT 51
                """,
                """
                EXPLAIN SELECT currency, sum(amount) FROM expense_parts
                WHERE owner_id = '01900000-0000-7000-9000-000000000001'
                    AND spent_on BETWEEN '2020-01-01' AND '2020-01-31' GROUP BY currency
                """,
            ] as [PostgresQuery] {
                let plan = try await service.pool.query(query).map { try $0.decode(String.self, at: 0) }.joined()
                #expect(!plan.contains("Seq Scan"))
                #expect(plan.contains("Index"))
            }
        }
    }
}
