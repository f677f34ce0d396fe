import Chronology
import CloudEvents
import Contracts
import Foundation
import GRPC
import Messaging
import PortfolioInfrastructure
import Postgres
import ServiceRuntime
import Testing

@Suite struct PortfolioServiceTests {
    private static let header =
        "Scheme Code;ISIN Div Payout/ ISIN Growth;ISIN Div Reinvestment;Scheme Name;Net Asset Value;Date"
    private static let trades = [
        "buy 2025-08-18 100 @ 90.0000", "buy 2026-01-15 50 @ 98.5000", "buy 2026-05-20 50 @ 101.2500",
        "sell 2026-07-10 80 @ 104.0000",
    ]

    @Test func figuresOfTheStory() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let fund = try await service.instrument()
            for trade in Self.trades { try await service.trade(trade, of: fund, in: portfolio) }
            _ = try await service.importing("\(Self.header)\n900001;-;-;Fund;106.8821;21-Aug-2026\n")
            let held = try await service.client.getHoldings(
                GetHoldingsRequest(portfolioID: portfolio.id, on: "2026-08-21"), metadata: service.metadata(),
                timeout: .seconds(30)
            ).message
            #expect(held.data.count == 1)
            let holding = try #require(held.data.first)
            #expect(holding.quantity == "120")
            #expect(holding.cost == Money(amount: "11787.50", currency: "INR"))
            #expect(holding.value?.value?.amount == "12825.85")
            #expect(holding.unrealisedGain?.value?.amount == "1038.35")
            #expect(holding.realisedGain?.value?.amount == "1120.00")
            #expect(holding.weight?.value == "1.000000")
            let performance = try await service.client.getPerformance(
                GetPerformanceRequest(portfolioID: portfolio.id, to: "2026-08-21"), metadata: service.metadata(),
                timeout: .seconds(30)
            ).message
            #expect(performance.from == "2025-08-18")
            #expect(performance.invested?.value?.amount == "10667.50")
            #expect(performance.gain?.total?.value?.amount == "2158.35")
            #expect(performance.xirr?.value == "0.176221")
        }
    }

    @Test func everyChangeIsToldInOrder() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let fund = try await service.instrument()
            let trade = try await service.trade(Self.trades[0], of: fund, in: portfolio)
            _ = try await service.importing("\(Self.header)\n900001;-;-;Fund;106.8821;21-Aug-2026\n")
            #expect(try await service.events(of: trade.id) == ["investment_added"])
            #expect(try await service.events(of: fund.id) == ["price_updated"])
            #expect(
                try await service.events(of: portfolio.id) == [
                    "portfolio_updated", "portfolio_updated", "portfolio_updated",
                ])
        }
    }

    @Test func performanceIsCalculatedForEachChange() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let fund = try await service.instrument()
            try await service.trade(Self.trades[0], of: fund, in: portfolio)
            let rows = try await service.pool.query(
                "SELECT event FROM outbox WHERE type = \(PortfolioUpdatedV1.type) ORDER BY position")
            let handler = PerformanceHandler(outbox: service.outbox, clock: service.clock)
            for row in rows {
                let event = try CloudEventJSONCodec.decode(row.decode([UInt8].self, at: 0))
                try await service.pool.withTransaction { try await handler.handle(event, in: $0) }
            }
            #expect(
                try await service.events(of: portfolio.id) == [
                    "portfolio_updated", "portfolio_updated", "performance_calculated", "performance_calculated",
                ])
            let told = try await service.pool.query(
                """
                SELECT convert_from(event, 'UTF8')::jsonb -> 'data' FROM outbox
                WHERE type = \(PerformanceCalculatedV1.type) ORDER BY position DESC LIMIT 1
                """)
            let payload = try PerformanceCalculatedV1(decoding: Array(told[0].decode(JSONText.self, at: 0).bytes))
            #expect(payload.invested.value == "9000.00")
            #expect(payload.value.value == "9000.00")
            #expect(payload.currency == "INR")
        }
    }

    @Test func moreThanIsHeldCannotBeSold() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let fund = try await service.instrument()
            try await service.trade("buy 2026-01-10 10 @ 5", of: fund, in: portfolio)
            for sale in ["sell 2026-01-11 10.00000001 @ 5", "sell 2026-01-09 1 @ 5"] {
                #expect(
                    await refusal { try await service.trade(sale, of: fund, in: portfolio) }
                        == "validation_failed quantity:insufficient_quantity")
            }
            try await service.trade("sell 2026-01-12 10 @ 5", of: fund, in: portfolio)
            // A sale in the past would leave the later one uncovered.
            #expect(
                await refusal { try await service.trade("sell 2026-01-11 1 @ 5", of: fund, in: portfolio) }
                    == "validation_failed quantity:insufficient_quantity")
        }
    }

    @Test func concurrentSalesNeverOversell() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let fund = try await service.instrument()
            try await service.trade("buy 2026-01-10 10 @ 5", of: fund, in: portfolio)
            let refusals = await withTaskGroup(of: String?.self) { group in
                for _ in 0..<30 {
                    group.addTask {
                        await refusal { try await service.trade("sell 2026-02-01 1 @ 6", of: fund, in: portfolio) }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(refusals.filter { $0 == nil }.count == 10)
            #expect(refusals.compactMap { $0 }.allSatisfy { $0 == "validation_failed quantity:insufficient_quantity" })
            #expect(try await service.events(of: portfolio.id).count == 12)
        }
    }

    @Test func readingAFileAgainChangesNothing() async throws {
        try await PortfolioFixture.run { service in
            _ = try await service.instrument()
            _ = try await service.instrument(amfiCode: nil, isin: "INF209KA12Z1")
            let text = """
                \(Self.header)
                900001;INF999A01014;-;Fund;104.0000;10-Jul-2026
                119551;INF209KA12Z1;-;Found by ISIN;107.2402;10-Jul-2026
                900003;-;-;Somebody else's;10.0;10-Jul-2026
                900004;-;-;Wound up;0;10-Jul-2026
                """
            let first = try await service.importing(text)
            #expect([first.rows, first.matched, first.created, first.duplicate, first.rejected] == [3, 2, 2, 0, 1])
            let again = try await service.importing(text)
            #expect([again.rows, again.matched, again.created, again.duplicate, again.rejected] == [3, 2, 0, 2, 1])
            let corrected = try await service.importing(text.replacing("104.0000", with: "104.5000"))
            #expect([corrected.created, corrected.duplicate] == [1, 1])
            #expect(
                await refusal { _ = try await service.importing("<html></html>") }
                    == "validation_failed content:no_header")
        }
    }

    /// AMFI's whole list, in both layouts. It is not part of the project: `FLORIN_DATA` names its folder.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["FLORIN_DATA"] != nil, "FLORIN_DATA names no folder of real lists"),
        arguments: ["NAVAll-6-columns.txt", "NAVAll-8-columns.txt"])
    func wholeList(name: String) async throws {
        let folder = try #require(ProcessInfo.processInfo.environment["FLORIN_DATA"])
        let text = try String(contentsOfFile: "\(folder)/amfi/\(name)", encoding: .utf8)
        try await PortfolioFixture.run { service in
            for code in 119_500...119_600 { _ = try await service.instrument(amfiCode: String(code), isin: nil) }
            let outcome = try await service.importing(text)
            #expect(outcome.rows > 8_000)
            #expect(outcome.matched > 10)
            #expect(outcome.created == outcome.matched)
            #expect(try await service.importing(text).created == 0)
        }
    }

    @Test func theStrongestPriceOfADayCounts() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let fund = try await service.instrument()
            try await service.trade("buy 2026-01-10 10 @ 5", of: fund, in: portfolio)
            _ = try await service.importing("\(Self.header)\n900001;-;-;Fund;6.5;10-Jan-2026\n")
            let history = try await service.client.listPrices(
                ListPricesRequest(id: fund.id), metadata: service.metadata(), timeout: .seconds(30)
            ).message
            #expect(history.data.map(\.source) == ["amfi", "trade"])
            let held = try await service.client.getHoldings(
                GetHoldingsRequest(portfolioID: portfolio.id, on: "2026-02-01"), metadata: service.metadata(),
                timeout: .seconds(30)
            ).message
            #expect(held.data.map(\.value?.value?.amount) == ["65.00"])
        }
    }

    @Test func theSameKeyHasOneEffect() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let fund = try await service.instrument()
            let ids = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do {
                            return try await service.trade("buy 2026-01-10 10 @ 5", of: fund, in: portfolio, key: "k")
                                .id
                        } catch let status as GRPCStatus
                            where ProblemDetails(status).code == "idempotency_in_progress"
                        {
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(ids.compactMap(\.self).count == 1)
            let counts = try await service.pool.query("SELECT count(*) FROM transactions")
            #expect(try counts[0].decode(Int64.self, at: 0) == 1)
        }
    }

    @Test func aFileThatIsSentAgainIsAnsweredAgain() async throws {
        try await PortfolioFixture.run { service in
            let fund = try await service.instrument()
            let file = "\(Self.header)\n900001;-;-;Fund;106.8821;21-Aug-2026\n"
            let first = try await service.importing(file, key: "k")
            #expect([first.rows, first.matched, first.created] == [1, 1, 1])
            #expect(try await service.importing(file, key: "k") == first)
            // Nothing changes, and the answer is kept nevertheless.
            let unchanged = try await service.importing(file, key: "other")
            #expect([unchanged.created, unchanged.duplicate] == [0, 1])
            #expect(try await service.importing(file, key: "other") == unchanged)
            #expect(try await service.events(of: fund.id) == ["price_updated"])
            let kept = try await service.pool.query("SELECT count(*) FROM idempotency_keys")
            #expect(try kept.first(as: Int64.self) == 2)
        }
    }

    @Test func usersSeeTheirOwnOnly() async throws {
        try await PortfolioFixture.run { service in
            let portfolio = try await service.portfolio()
            let fund = try await service.instrument()
            let stranger = service.metadata(.make())
            #expect(
                await refusal {
                    _ = try await service.client.getHoldings(
                        GetHoldingsRequest(portfolioID: portfolio.id), metadata: stranger, timeout: .seconds(30))
                } == "not_found")
            #expect(
                await refusal {
                    _ = try await service.client.addPrice(
                        AddPriceRequest(id: fund.id, on: "2026-01-01", price: "1"), metadata: stranger,
                        timeout: .seconds(30))
                } == "not_found")
            #expect(
                await refusal {
                    _ = try await service.client.createTransaction(
                        CreateTransactionRequest(
                            portfolioID: portfolio.id, type: "buy", on: "2026-01-01",
                            instrumentID: UUIDv7.make().description,
                            quantity: "1", price: "1"), metadata: service.metadata(), timeout: .seconds(30))
                } == "validation_failed instrument_id:unknown_instrument")
        }
    }

    @Test func aNewUserGetsAPortfolio() async throws {
        try await PortfolioFixture.run { service in
            let payload = UserRegisteredV1(
                userID: service.user.description, email: "ada@example.org", displayName: "Ada", baseCurrency: "EUR",
                locale: "en", registeredAt: "2026-11-20T09:30:00.123Z")
            let event = try OutboxEvent(
                payload, service: "auth", subject: service.user, user: service.user, sequence: 1,
                time: service.clock.now()
            ).event
            let handler = UserLifecycleHandler(outbox: service.outbox, clock: service.clock)
            try await service.pool.withTransaction { try await handler.handle(event, in: $0) }
            let page = try await service.client.listPortfolios(
                ListPortfoliosRequest(), metadata: service.metadata(), timeout: .seconds(30)
            ).message
            #expect(page.data.map(\.baseCurrency) == ["EUR"])
        }
    }
}
