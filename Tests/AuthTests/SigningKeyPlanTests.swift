import AuthDomain
import Chronology
import Testing

private let start = Timestamp(secondsSinceEpoch: 1_790_000_000)

@Suite struct SigningKeyPlanTests {
    /// Keys made at, and signing from, so many seconds after the start.
    private func plan(_ keys: [(String, made: Int, signs: Int)]) -> SigningKeyPlan {
        SigningKeyPlan(
            keys.map { id, made, signs in
                SigningKeyTimes(id: id, createdAt: start + .seconds(made), signsFrom: start + .seconds(signs))
            })
    }

    private func at(_ seconds: Int) -> Timestamp { start + .seconds(seconds) }

    @Test func aNewKeyIsPublishedBeforeItSigns() {
        let plan = plan([("b", 1000, 1600), ("a", 0, 0)])
        for (seconds, signing, published) in [
            (-10, "a", ["a", "b"]), (999, "a", ["a", "b"]), (1599, "a", ["a", "b"]), (1600, "b", ["b", "a"]),
            (1600 + 960, "b", ["b", "a"]), (1600 + 961, "b", ["b"]),
        ] {
            #expect(plan.signing(at: at(seconds)) == signing, "\(seconds)")
            #expect(plan.published(at: at(seconds)) == published, "\(seconds)")
            #expect(plan.over(at: at(seconds)) == (published.contains("a") ? [] : ["a"]), "\(seconds)")
        }
    }

    @Test func eachKeyStaysUntilItsLastTokenHasExpired() {
        let plan = plan([("a", 0, 0), ("b", 10, 20), ("c", 30, 40), ("d", 50, 60)])
        #expect(plan.published(at: at(45)) == ["c", "d", "b", "a"])
        #expect(plan.over(at: at(20 + 961)) == ["a"])
        #expect(plan.over(at: at(60 + 961)) == ["c", "b", "a"])
        #expect(plan.published(at: at(10_000)) == ["d"])
    }

    @Test func aRotationIsDueOnceTheNewestIsOld() {
        let day = Duration.seconds(86_400)
        let young = plan([("a", 0, 0), ("b", 86_400, 87_000)])
        #expect(!young.isRotationDue(every: day, at: at(2 * 86_400 - 1)))
        #expect(young.isRotationDue(every: day, at: at(2 * 86_400)))
        #expect(young.isRotating(at: at(86_999)) && !young.isRotating(at: at(87_000)))
    }

    @Test func withoutKeysThereIsNothing() {
        let plan = SigningKeyPlan([])
        #expect(plan.signing(at: start) == nil && plan.published(at: start).isEmpty && plan.over(at: start).isEmpty)
        #expect(!plan.isRotationDue(every: .zero, at: start) && !plan.isRotating(at: start))
    }
}
