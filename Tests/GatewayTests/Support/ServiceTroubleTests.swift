import Testing

/// A gateway and services in trouble. One after the other: each of them sends many requests, which others would have to wait for.
@Suite(.serialized) enum ServiceTroubleTests {}
