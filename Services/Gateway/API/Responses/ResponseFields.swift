package import HTTPServer
package import Observability

/// Header fields that every answer has.
package enum ResponseFields {
    /// Adds the request's id, the security fields, and `Cache-Control: no-store` where nothing else was said: what the
    /// API answers is personal unless known otherwise.
    package static func complete(_ headers: inout HTTPHeaders, requestID: RequestID) {
        headers.append("X-Request-Id", requestID.description)
        headers.append("X-Content-Type-Options", "nosniff")
        headers.append("Referrer-Policy", "no-referrer")
        headers.append("Cross-Origin-Resource-Policy", "same-origin")
        headers.append("X-Frame-Options", "DENY")
        if !headers.contains("Cache-Control") { headers.append("Cache-Control", "no-store") }
        if !headers.contains("Content-Security-Policy") {
            headers.append("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        }
    }
}
