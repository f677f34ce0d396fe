import Testing

@testable import HTTP2

@Suite struct LifeTests {
    @Test func keepAliveAsksTheSilentAndGivesUpTheDead() {
        var life = KeepAlive(interval: .seconds(30), timeout: .seconds(10), now: .seconds(100))
        #expect(life.timerFired(at: .seconds(110)) == .wait(.seconds(20)))
        life.received(at: .seconds(120))
        #expect(life.timerFired(at: .seconds(130)) == .wait(.seconds(20)))
        #expect(life.timerFired(at: .seconds(150)) == .ping(.seconds(10)))
        #expect(life.timerFired(at: .seconds(155)) == .wait(.seconds(5)))
        life.received(at: .seconds(156))
        #expect(life.timerFired(at: .seconds(160)) == .wait(.seconds(26)))
        #expect(life.timerFired(at: .seconds(186)) == .ping(.seconds(10)))
        #expect(life.timerFired(at: .seconds(196)) == .giveUp)
    }

    @Test func framesWithoutUseAreCounted() {
        var allowance = FrameAllowance(burst: 3, perSecond: 2, now: .seconds(10))
        let moments: [Duration] =
            [.seconds(10), .seconds(10), .seconds(10), .seconds(10), .milliseconds(10_900)]
            + [.milliseconds(11_100), .milliseconds(11_100), .milliseconds(11_100)]
            + [.seconds(100), .seconds(100), .seconds(100), .seconds(100)]
        var taken: [Bool] = []
        for moment in moments { taken.append(allowance.take(at: moment)) }
        #expect(taken == [true, true, true, false, false, true, true, false, true, true, true, false])
    }
}
