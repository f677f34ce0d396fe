internal import CCurl

/// What curl says about a setting or a transfer that failed.
package struct CurlError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, coarse enough to decide on.
    package enum Kind: Sendable, Hashable {
        /// No address for the name, or nobody who answers there.
        case unreachable
        /// A bound of time was reached.
        case timedOut
        /// The delegate asked for it.
        case interrupted
        /// The delegate did not take what came.
        case refusedByReceiver
        /// More was announced than `maximumBytes` allows.
        case tooLarge
        /// The server did not accept user and password, or demands them.
        case loginDenied
        /// No protected connection, or a certificate that is not trusted.
        case tlsFailed
        /// A URL, a protocol or a setting that curl does not take.
        case invalidSetting
        /// The server refused what curl asked for before the transfer.
        case accessDenied
        /// An answer that curl did not expect.
        case weirdReply
        /// What was to be sent did not go out.
        case sendFailed
        /// No memory.
        case noMemory
        /// Anything else: the connection was lost.
        case connectionLost
    }

    /// What went wrong.
    package let kind: Kind
    /// curl's own text, which has no data in it.
    package let message: String

    package var description: String { message }

    init(_ code: CURLcode) {
        kind = Self.kind(code)
        message = unsafe curl_easy_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code.rawValue)"
    }

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    private static func kind(_ code: CURLcode) -> Kind {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT: .unreachable
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_ABORTED_BY_CALLBACK: .interrupted
        case CURLE_WRITE_ERROR: .refusedByReceiver
        case CURLE_FILESIZE_EXCEEDED: .tooLarge
        case CURLE_LOGIN_DENIED, CURLE_AUTH_ERROR: .loginDenied
        case CURLE_USE_SSL_FAILED, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            .tlsFailed
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_NOT_BUILT_IN, CURLE_UNKNOWN_OPTION,
            CURLE_BAD_FUNCTION_ARGUMENT:
            .invalidSetting
        case CURLE_REMOTE_ACCESS_DENIED: .accessDenied
        case CURLE_WEIRD_SERVER_REPLY: .weirdReply
        case CURLE_SEND_ERROR: .sendFailed
        case CURLE_OUT_OF_MEMORY: .noMemory
        default: .connectionLost
        }
    }
}
