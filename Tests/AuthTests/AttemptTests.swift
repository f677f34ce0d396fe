import AuthApplication
import AuthDomain
import Chronology
import Testing

private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

@Suite struct AttemptLimitTests {
    @Test(arguments: [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 30), (100, 30), (Int.max, 30)])
    func delaysGrow(wrong: Int, seconds: Int) {
        #expect(AttemptLimit.account.delay(afterWrong: wrong) == .seconds(seconds))
    }

    /// One wrong attempt after the other, as soon as each is allowed: when each is.
    @Test func aGuesserWaitsLongerAndLonger() {
        var record = AttemptRecord(.account, at: now)
        var (time, allowed) = (now, [Duration]())
        for _ in 0..<12 {
            if let wait = record.begin(at: time) {
                time = time + wait
                #expect(record.begin(at: time) == nil)
            }
            allowed.append(time - now)
            record.settle(.wrong, at: time)
        }
        #expect(allowed.map(\.components.seconds) == [0, 0, 0, 0, 0, 1, 3, 7, 15, 31, 61, 91])
    }

    @Test func aRightOneClearsAnAccountAndNoNetwork() {
        for (limit, expected) in [(AttemptLimit.account, nil), (.network, .seconds(1))] as [(_, Duration?)] {
            var record = AttemptRecord(limit, at: now)
            for outcome in Array(repeating: AttemptOutcome.wrong, count: limit.free - 1) + [.right, .wrong] {
                #expect(record.begin(at: now) == nil)
                record.settle(outcome, at: now)
            }
            #expect(record.begin(at: now) == expected)
        }
    }

    @Test func whatIsBeingLookedAtCounts() {
        var record = AttemptRecord(.account, at: now)
        for _ in 0..<16 { #expect(record.begin(at: now) == nil) }
        #expect(record.begin(at: now) == .seconds(1))
        for _ in 0..<3 { record.settle(.wrong, at: now) }
        #expect(record.begin(at: now) == .seconds(1))
        record.settle(.abandoned, at: now)
        #expect(record.begin(at: now) == nil)
    }

    @Test func afterDelaysOneAtATime() {
        var record = AttemptRecord(.account, at: now)
        for _ in 0..<5 {
            #expect(record.begin(at: now) == nil)
            record.settle(.wrong, at: now)
        }
        let later = now + .seconds(1)
        #expect(record.begin(at: later) == nil)
        #expect(record.begin(at: later) == .seconds(1))
        record.settle(.right, at: later)
        for _ in 0..<5 { #expect(record.begin(at: later) == nil) }
    }

    @Test func allIsForgottenAfterAQuarterOfAnHour() {
        var record = AttemptRecord(.account, at: now)
        for place in 0..<20 {
            _ = record.begin(at: now + .seconds(60 * place))
            record.settle(.wrong, at: now + .seconds(60 * place))
        }
        let last = now + .seconds(60 * 19)
        #expect(record.begin(at: last + .seconds(29)) != nil)
        for _ in 0..<5 {
            #expect(record.begin(at: last + .seconds(900)) == nil)
            record.settle(.wrong, at: last + .seconds(900))
        }
    }

    @Test(arguments: [
        ("203.0.113.7", "203.0.113.7"), ("::ffff:203.0.113.7", "203.0.113.7"), ("::1", "0:0:0:0::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80:0:0:0::/64"), ("64:ff9b::203.0.113.7", "64:ff9b:0:0::/64"), ("", "unknown"),
        ("1:2:3", "unknown"), ("1::2::3", "unknown"), ("1:2:3:4:5:6:7:8:9", "unknown"), ("g::1", "unknown"),
        (String(repeating: "9", count: 65), "unknown"),
    ])
    func networks(address: String, name: String) { #expect(ClientNetwork(address).name == name) }
}

@Suite struct MemoryAttemptThrottleTests {
    private let subject = AttemptSubject.account("ada@example.org")

    @Test func whatIsRefusedCountsAgainstNobody() {
        let throttle = MemoryAttemptThrottle()
        let network = AttemptSubject.network(ClientNetwork("203.0.113.7"))
        for _ in 0..<5 {
            #expect(throttle.begin([subject, network], at: now) == nil)
            throttle.settle([subject, network], .wrong, at: now)
        }
        for _ in 0..<1000 { #expect(throttle.begin([subject, network], at: now) == .seconds(1)) }
        // The network still has all but five.
        for number in 0..<45 {
            let other = AttemptSubject.account("\(number)")
            #expect(throttle.begin([other, network], at: now) == nil)
            throttle.settle([other, network], .wrong, at: now)
        }
        #expect(throttle.begin([.account("x"), network], at: now) == .seconds(1))
    }

    @Test func itsMemoryIsBounded() {
        let throttle = MemoryAttemptThrottle(capacity: 100)
        for _ in 0..<5 {
            _ = throttle.begin([subject], at: now)
            throttle.settle([subject], .wrong, at: now)
        }
        for number in 0..<150 { _ = throttle.begin([.account("\(number)")], at: now) }
        #expect(throttle.begin([subject], at: now) != nil)
        for number in 200..<400 { _ = throttle.begin([.account("\(number)")], at: now) }
        #expect(throttle.begin([subject], at: now) == nil)
    }
}

@Suite struct LoginThrottleTests {
    private let bench = Bench()

    /// The outcome of a sign-in with a wrong password.
    private func guess(_ email: String, from address: String = "198.51.100.1") async throws -> AuthRefusal? {
        do {
            _ = try await bench.login(
                email: email, password: "wrong horse", client: ClientDescription(device: "", address: address))
            return nil
        } catch let refusal as AuthRefusal {
            return refusal
        }
    }

    @Test func guessingIsSlowedTheSameForKnownAndUnknown() async throws {
        _ = try await bench.registered()
        var outcomes: [[AuthRefusal?]] = []
        for email in [Bench.email, "nobody@example.org"] {
            var seen: [AuthRefusal?] = []
            for seconds in [0, 0, 0, 0, 0, 0, 1, 0, 2] {
                bench.clock.advance(by: .seconds(seconds))
                seen.append(try await guess(email))
            }
            outcomes.append(seen)
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0].prefix(5).allSatisfy { $0 == .invalidCredentials })
        #expect(outcomes[0][5] == .tooManyAttempts(retryAfter: .seconds(1)) && outcomes[0][6] == .invalidCredentials)
        #expect(outcomes[0][7] == .tooManyAttempts(retryAfter: .seconds(2)) && outcomes[0][8] == .invalidCredentials)
    }

    @Test func theOwnerGetsInFromWhereTheyWereBefore() async throws {
        _ = try await bench.registered()
        _ = try await bench.loggedIn()
        for _ in 0..<50 { _ = try await guess(Bench.email) }
        let work = bench.passwords.work
        #expect(try await guess(Bench.email) != .invalidCredentials)
        #expect(bench.passwords.work == work)
        // `loggedIn` calls from where the first sign-in came from.
        _ = try await bench.loggedIn()
        // There, too, guessing is slowed.
        for _ in 0..<5 { #expect(try await guess(Bench.email, from: "127.0.0.1") == .invalidCredentials) }
        #expect(try await guess(Bench.email, from: "127.0.0.1") == .tooManyAttempts(retryAfter: .seconds(1)))
    }

    @Test func aNetworkIsSlowedOverAllAccounts() async throws {
        for number in 0..<50 { #expect(try await guess("a\(number)@example.org") == .invalidCredentials) }
        #expect(try await guess("b@example.org") == .tooManyAttempts(retryAfter: .seconds(1)))
        #expect(try await guess("b@example.org", from: "198.51.100.2") == .invalidCredentials)
        #expect(try await guess("no address") == .tooManyAttempts(retryAfter: .seconds(1)))
    }

    @Test func whatIsNotCheckedIsNotCounted() async throws {
        bench.passwords.overload()
        for _ in 0..<20 { #expect(try await guess(Bench.email) == .overloaded) }
    }

    @Test func proofsOfThePasswordAreSlowedToo() async throws {
        let user = try await bench.registered()
        let tokens = try await bench.loggedIn()
        let change = { (current: String) in
            try await bench.changePassword(
                caller: user.id, sessionID: tokens.sessionID, current: current, new: "a quite different sentence")
        }
        for _ in 0..<5 { await #expect(throws: AuthRefusal.wrongPassword) { try await change("wrong horse") } }
        let refusal = AuthRefusal.tooManyAttempts(retryAfter: .seconds(1))
        await #expect(throws: refusal) { try await change(Bench.password) }
        // Signing in is another matter.
        _ = try await bench.loggedIn()
        bench.clock.advance(by: .seconds(1))
        try await change(Bench.password)
    }

    @Test func failuresAreToldOfInSamples() async throws {
        let user = try await bench.registered()
        for seconds in [0, 0, 0, 20, 0] {
            bench.clock.advance(by: .seconds(seconds))
            _ = try await guess(Bench.email)
        }
        _ = try await guess("nobody@example.org")
        try await bench.answerRequests()
        #expect(bench.events(of: user) == firstEvents + ["auth.login_failed", "auth.login_failed"])
    }
}
