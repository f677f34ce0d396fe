/// How many frames without use of their own a peer may still send: so many in one go, and so many more each second.
///
/// A value: the owner tells it of each frame and of the time.
struct FrameAllowance: Sendable {
    private let burst: Int
    private let perSecond: Int
    private var left: Int
    private var countedUntil: Duration

    init(burst: Int, perSecond: Int, now: Duration) {
        self.burst = burst
        self.perSecond = perSecond
        left = burst
        countedUntil = now
    }

    /// Takes note of a frame; false when it is one too many.
    mutating func take(at now: Duration) -> Bool {
        let seconds = (now - countedUntil).components.seconds
        if seconds > 0 {
            countedUntil += .seconds(seconds)
            left = min(burst, left + Int(clamping: seconds) * perSecond)
        }
        guard left > 0 else { return false }
        left -= 1
        return true
    }
}
