import Testing

@testable import GRPC

@Suite struct RestraintTests {
    private enum Step {
        /// A call is sent, and what it finds is waited for so long; nil where it is one of many.
        case sent(Int?)
        /// A call is refused; the pause in milliseconds, nil for one of several at once.
        case refused(Int?)
        case pauseEnded
        /// A call is answered, and that opens the way for others or does not.
        case answered(Bool)
    }

    private struct Course {
        let steps: [Step]
        let allowsCall: Bool
        let mayGoOn: Bool
    }

    private static let trial: [Step] = [.pauseEnded, .sent(200)]
    private static let lagging: [Step] = [5, 10, 20, 40, 80, 160, 160, 160].flatMap { [.refused($0)] + trial }

    private static let courses = [
        Course(steps: [.sent(nil), .sent(nil), .answered(false)], allowsCall: true, mayGoOn: true),
        Course(steps: [.refused(5), .refused(nil)], allowsCall: false, mayGoOn: true),
        Course(steps: [.refused(5), .refused(nil), .answered(false)], allowsCall: false, mayGoOn: true),
        Course(steps: [.refused(5), .pauseEnded], allowsCall: true, mayGoOn: true),
        Course(steps: [.refused(5)] + trial, allowsCall: false, mayGoOn: true),
        Course(steps: [.refused(5)] + trial + [.answered(true), .sent(nil)], allowsCall: true, mayGoOn: true),
        Course(steps: [.refused(5)] + trial + [.pauseEnded, .sent(nil)], allowsCall: true, mayGoOn: true),
        Course(steps: lagging, allowsCall: false, mayGoOn: false),
        Course(steps: lagging + [.pauseEnded], allowsCall: true, mayGoOn: false),
        Course(steps: lagging + [.answered(true), .refused(5)], allowsCall: false, mayGoOn: true),
    ]

    @Test(arguments: 0..<10) func tellsWhenCallsMayGo(_ index: Int) {
        let course = Self.courses[index]
        var restraint = Restraint()
        for step in course.steps {
            switch step {
            case .sent(let expected):
                let wait = restraint.sent()
                #expect(wait == expected.map { .milliseconds($0) })
            case .refused(let expected):
                #expect(restraint.mayGoOn)
                let pause = restraint.refused()
                #expect(pause == expected.map { .milliseconds($0) })
            case .pauseEnded: restraint.pauseEnded()
            case .answered(let expected):
                let opensTheWay = restraint.answered()
                #expect(opensTheWay == expected)
            }
        }
        #expect(restraint.allowsCall == course.allowsCall)
        #expect(restraint.mayGoOn == course.mayGoOn)
    }
}
