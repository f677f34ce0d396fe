internal import HTTPServer
internal import Observability

/// What is the same for all answers, as it is configured.
package struct ResponseRules: Sendable, Hashable {
    /// Which web pages of other origins may use the API.
    package var crossOrigin = CrossOriginPolicy.closed
    /// Whether clients come by TLS, here or at a proxy before this server, and are to come by nothing else.
    package var isSecure = false

    package init() {}

    /// Gives an answer the fields and the coding that it is to have.
    ///
    /// - Parameter request: nil where none could be read.
    func complete(_ response: inout HTTPResponse, to request: HTTPRequestHead?, requestID: RequestID) {
        if let request { ContentCoding.apply(to: &response, for: request) }
        crossOrigin.apply(to: &response.headers, for: request)
        ResponseFields.complete(&response.headers, requestID: requestID)
        if isSecure { response.headers.append("Strict-Transport-Security", "max-age=31536000") }
    }
}
