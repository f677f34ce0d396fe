internal import CCurl

/// libcurl's own start, which must have happened before its first use from more than one thread.
enum Curl {
    static let isReady = curl_global_init(FLORIN_CURL_GLOBAL_DEFAULT) == CURLE_OK
}

/// One mail over one connection of libcurl. It blocks, and belongs to one thread.
@safe final class CurlTransfer {
    private let handle: OpaquePointer
    private let upload: MailUpload
    private var recipients: UnsafeMutablePointer<curl_slist>?

    init(_ upload: MailUpload) throws(SMTPError) {
        guard Curl.isReady, let handle = unsafe curl_easy_init() else {
            throw SMTPError(.overloaded, "curl has no memory for a transfer")
        }
        unsafe self.handle = handle
        self.upload = upload
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        // curl_easy_setopt(3): the list has to live as long as the handle may use it.
        unsafe curl_slist_free_all(recipients)
    }

    /// Says what to do; nothing is sent yet.
    func configure(
        for server: SMTPServer, _ envelope: SMTPEnvelope, connectTimeout: Duration, timeout: Duration
    ) throws(SMTPError) {
        try setText(CURLOPT_URL, server.curlURL)
        try setText(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        // Without it curl follows the proxies that the environment names.
        try setText(CURLOPT_PROXY, "")
        try setLong(CURLOPT_NOSIGNAL, 1)
        try setBounds(connectTimeout: connectTimeout, timeout: timeout)
        try setProtection(server)
        if let credentials = server.credentials {
            try setText(CURLOPT_USERNAME, credentials.user)
            try setText(CURLOPT_PASSWORD, credentials.password)
        }
        try setText(CURLOPT_MAIL_FROM, envelope.sender)
        for recipient in envelope.recipients { try addRecipient(recipient) }
        try check(unsafe florin_curl_set_list(handle, CURLOPT_MAIL_RCPT, recipients))
        try setLong(CURLOPT_UPLOAD, 1)
        try setLong(CURLOPT_INFILESIZE, upload.count)
        try setCallbacks()
    }

    /// Hands the mail over.
    func perform() throws(SMTPError) {
        let code = unsafe curl_easy_perform(handle)
        guard code != CURLE_OK else { return }
        var reply = 0
        try check(unsafe florin_curl_response_code(handle, &reply))
        throw CurlFailure(code: code, reply: reply, messageHasBegun: upload.hasBegun).error
    }

    private func setBounds(connectTimeout: Duration, timeout: Duration) throws(SMTPError) {
        try setLong(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(min(connectTimeout, timeout)))
        try setLong(CURLOPT_TIMEOUT_MS, Self.milliseconds(timeout))
        // The bound of the whole transfer does not cover QUIT and its answer; this one does. Closing the connection here
        // rather than in curl_easy_cleanup keeps it in force: the cleanup has bounds of its own, of two minutes.
        try setLong(CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, Int(timeout.components.seconds)))
        try setLong(CURLOPT_FORBID_REUSE, 1)
    }

    private func setProtection(_ server: SMTPServer) throws(SMTPError) {
        if server.protection == .startTLS { try setLong(CURLOPT_USE_SSL, FLORIN_CURL_USESSL_ALL) }
        try setLong(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let file = server.certificateAuthority { try setText(CURLOPT_CAINFO, file) }
    }

    private func addRecipient(_ recipient: String) throws(SMTPError) {
        guard let longer = unsafe curl_slist_append(recipients, recipient) else {
            throw SMTPError(.overloaded, "curl has no memory for a recipient")
        }
        unsafe recipients = longer
    }

    /// The upload outlives the calls of both functions: this object keeps it, and curl calls them in `perform` alone.
    private func setCallbacks() throws(SMTPError) {
        let context = unsafe Unmanaged.passUnretained(upload).toOpaque()
        let read: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
            buffer, size, count, context in
            guard let context = unsafe context else { return Int(CURL_READFUNC_ABORT) }
            let upload = unsafe Unmanaged<MailUpload>.fromOpaque(context).takeUnretainedValue()
            return unsafe upload.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
        }
        let report: @convention(c) (UnsafeMutableRawPointer?, curl_off_t, curl_off_t, curl_off_t, curl_off_t) -> Int32 =
            {
                context, _, _, _, _ in
                guard let context = unsafe context else { return 1 }
                let upload = unsafe Unmanaged<MailUpload>.fromOpaque(context).takeUnretainedValue()
                return upload.isInterrupted ? 1 : 0
            }
        try check(unsafe florin_curl_set_reader(handle, read, context))
        try check(unsafe florin_curl_set_progress(handle, report, context))
        try setLong(CURLOPT_NOPROGRESS, 0)
    }

    private func setText(_ option: CURLoption, _ value: String) throws(SMTPError) {
        try check(unsafe florin_curl_set_text(handle, option, value))
    }

    private func setLong(_ option: CURLoption, _ value: Int) throws(SMTPError) {
        try check(unsafe florin_curl_set_long(handle, option, value))
    }

    private func check(_ code: CURLcode) throws(SMTPError) {
        guard code == CURLE_OK else {
            throw SMTPError(.invalidConfiguration, "curl refuses a setting: \(CurlFailure.text(code))")
        }
    }

    private static func milliseconds(_ duration: Duration) -> Int { max(1, Int(duration / .milliseconds(1))) }
}

/// What curl says about a transfer that failed.
struct CurlFailure {
    let code: CURLcode
    /// The server's last reply; 0 when there was none.
    let reply: Int
    let messageHasBegun: Bool

    var error: SMTPError { SMTPError(kind, "\(stage)\(Self.text(code))\(reply > 0 ? ", last reply \(reply)" : "")") }

    /// curl's own text for a code, which has no data in it.
    static func text(_ code: CURLcode) -> String {
        unsafe curl_easy_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code.rawValue)"
    }

    private var stage: String { messageHasBegun ? "after the message began: " : "" }

    private var kind: SMTPError.Code {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT: .unreachable
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_ABORTED_BY_CALLBACK: .cancelled
        case CURLE_LOGIN_DENIED, CURLE_AUTH_ERROR: .authenticationFailed
        case CURLE_USE_SSL_FAILED, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            .tlsFailed
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_NOT_BUILT_IN: .invalidConfiguration
        // The refusal of a hello.
        case CURLE_REMOTE_ACCESS_DENIED: .serverRefused
        // The refusal of a greeting, or of the message after its last byte.
        case CURLE_WEIRD_SERVER_REPLY: messageHasBegun ? refusal : .serverRefused
        // The refusal of MAIL, RCPT or DATA; also a connection that broke while sending.
        case CURLE_SEND_ERROR: reply >= 400 ? refusal : .connectionLost
        default: .connectionLost
        }
    }

    private var refusal: SMTPError.Code {
        switch reply {
        // RFC 4954, section 6, and RFC 3207: about who we are, not about the mail.
        case 454, 530, 534, 535, 538: .authenticationFailed
        case 400...599: .refused(reply: reply)
        default: .connectionLost
        }
    }
}
