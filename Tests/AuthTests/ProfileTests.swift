import AuthApplication
import AuthDomain
import AuthTesting
import Chronology
import Testing
import Validation

@Suite struct ProfileChangeTests {
    private func errors(_ change: ProfileChange) -> [String] {
        do {
            _ = try change.checked { $0.text == "Europe/Vienna" }
            return []
        } catch {
            return error.errors.map { "\($0.field) \($0.code)" }
        }
    }

    @Test func namesEveryFieldThatBreaksARule() {
        let change = ProfileChange(displayName: " ", baseCurrency: "EURO", locale: "e", timeZone: "Mars/Olympus")
        #expect(
            errors(change) == [
                "display_name required", "base_currency unknown_currency", "locale invalid_locale",
                "time_zone unknown_time_zone",
            ])
    }

    @Test(arguments: [
        ProfileChange(), ProfileChange(displayName: "Ada"), ProfileChange(baseCurrency: "JPY"),
        ProfileChange(locale: "zh-Hant-TW"), ProfileChange(timeZone: "Europe/Vienna"),
    ])
    func takesAnyPart(change: ProfileChange) {
        #expect(errors(change) == [])
    }

    @Test(arguments: ["UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "America/Port-au-Prince"])
    func knowsTheShapeOfTimeZones(name: String) {
        #expect(TimeZoneName(name)?.text == name)
    }

    @Test(arguments: [
        "", "/", "/etc/passwd", "../../etc/passwd", "Europe/../../etc/passwd", "Europe//Vienna", "Europe/",
        "europe/vienna",
        "Europe/Vienna\0", "Europe/Vienna ", "A/B/C/D", "Zürich", String(repeating: "A", count: 65),
    ])
    func refusesWhatIsNoName(name: String) {
        #expect(TimeZoneName(name) == nil)
    }
}

@Suite struct UpdateProfileTests {
    private struct AnyZone: TimeZones {
        func contains(_ name: TimeZoneName) -> Bool { true }
    }

    private let bench = Bench()
    private var update: UpdateProfile {
        UpdateProfile(profiles: bench.store, timeZones: AnyZone(), clock: bench.clock)
    }

    @Test func changesTheCallersProfileAlone() async throws {
        let user = try await bench.registered()
        bench.clock.advance(by: .seconds(60))
        let changed = try await update(
            ProfileChange(displayName: "Ada Lovelace"), caller: user.id, if: .oneOf([user.version])
        ) { _ in nil }
        #expect(changed.displayName == "Ada Lovelace" && changed.locale == user.locale)
        #expect(changed.version == 2 && changed.updatedAt == bench.clock.now())
        #expect(bench.events(of: user) == firstEvents + ["auth.user_updated"])
    }

    @Test func refusesAStaleVersionAndAnUnknownUser() async throws {
        let user = try await bench.registered()
        await #expect(throws: VersionMismatch.self) {
            try await update(ProfileChange(displayName: "Eve"), caller: user.id, if: .oneOf([9])) { _ in nil }
        }
        await #expect(throws: AuthRefusal.unknownUser) {
            try await update(ProfileChange(), caller: .make(), if: .anyVersion) { _ in nil }
        }
        await #expect(throws: ValidationFailure.self) {
            try await update(ProfileChange(locale: "?"), caller: user.id, if: .anyVersion) { _ in nil }
        }
    }

    @Test(arguments: ProfileStoreConformance.Check.allCases)
    func theStoreInMemoryKeepsItsPromises(check: ProfileStoreConformance.Check) async throws {
        let store = bench.store
        try await ProfileStoreConformance(accounts: store, profiles: store) { store.events(of: $0) }.run(check)
    }
}
