package import Chronology
package import EventLoop

/// How many requests a caller may make in any stretch of `window`.
package struct RateLimitPolicy: Sendable, Hashable {
    /// The name in the header fields.
    package let name: String
    /// The most requests in a window.
    package let quota: Int
    /// The length of the window.
    package let window: Duration

    package init(name: String, quota: Int, window: Duration = .seconds(60)) {
        precondition(quota > 0 && window >= .seconds(1), "a policy allows something in some time")
        self.name = name
        self.quota = quota
        self.window = window
    }

    /// `RateLimit-Policy`.
    package var field: (name: String, value: String) {
        ("RateLimit-Policy", "\"\(name)\";q=\(quota);w=\(window.components.seconds)")
    }
}

/// The policies of the gateway.
package struct RateLimits: Sendable, Hashable {
    /// For each signed-in user.
    package let user: RateLimitPolicy
    /// For each address without a user.
    package let anonymous: RateLimitPolicy
    /// For each address at what guesses could be made at: sign-in, registration, one-time tokens.
    package let signIn: RateLimitPolicy

    /// - Parameters: requests in a minute.
    package init(user: Int = 1000, anonymous: Int = 600, signIn: Int = 120) {
        self.user = RateLimitPolicy(name: "user", quota: user)
        self.anonymous = RateLimitPolicy(name: "anonymous", quota: anonymous)
        self.signIn = RateLimitPolicy(name: "sign-in", quota: signIn)
    }
}

/// Who is counted.
package enum RateLimitSubject: Sendable, Hashable {
    case user(UUIDv7)
    /// An IPv4 address, or the /64 network of an IPv6 address, which one client has as a whole.
    case network(SocketAddress.Host)

    /// The subject behind an address.
    package init(address: SocketAddress.Host) {
        self = .network(address.network)
    }
}

/// Whether a request may go on, and how the caller stands.
package struct RateLimitDecision: Sendable, Hashable {
    package let policy: RateLimitPolicy
    package let isAdmitted: Bool
    /// Requests that are left in the window.
    package let remaining: Int
    /// Seconds until something of the quota comes back.
    package let reset: Int

    package init(policy: RateLimitPolicy, isAdmitted: Bool, remaining: Int, reset: Int) {
        self.policy = policy
        self.isAdmitted = isAdmitted
        self.remaining = remaining
        self.reset = reset
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).
    package var fields: [(name: String, value: String)] {
        [policy.field, ("RateLimit", "\"\(policy.name)\";r=\(remaining);t=\(reset)")]
    }
}

/// The port behind which requests are counted; in memory now, shared between gateways later.
package protocol RateLimiter: Sendable {
    /// Counts a request of a subject under a policy, unless the quota is used up.
    func admit(_ subject: RateLimitSubject, _ policy: RateLimitPolicy) async -> RateLimitDecision

    /// How a subject stands, as far as that is known here at once: whether a request would be admitted now, and what is left
    /// without it. Counts nothing, and keeps nothing of who is not known.
    func standing(of subject: RateLimitSubject, under policy: RateLimitPolicy) -> RateLimitDecision
}
