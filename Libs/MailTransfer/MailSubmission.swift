internal import Curl

/// One mail over one connection. It blocks, and belongs to one thread.
final class MailSubmission {
    private let upload: MailUpload
    private let transfer: CurlTransfer

    init(_ upload: MailUpload) throws(SMTPError) {
        self.upload = upload
        do throws(CurlError) {
            transfer = try CurlTransfer(upload)
        } catch {
            throw SMTPError(.overloaded, error.message)
        }
    }

    /// Says what to do; nothing is sent yet.
    func configure(
        for server: SMTPServer, _ envelope: SMTPEnvelope, connectTimeout: Duration, timeout: Duration
    ) throws(SMTPError) {
        do throws(CurlError) {
            try transfer.set(.url, server.curlURL)
            try transfer.set(.allowedProtocols, "smtp,smtps")
            try setBounds(connectTimeout: connectTimeout, timeout: timeout)
            if server.protection == .startTLS { try transfer.requireStartTLS() }
            if let file = server.certificateAuthority { try transfer.set(.certificateAuthority, file) }
            if let credentials = server.credentials {
                try transfer.set(.user, credentials.user)
                try transfer.set(.password, credentials.password)
            }
            try transfer.set(.sender, envelope.sender)
            try transfer.set(.recipients, envelope.recipients)
            try transfer.set(.isUpload, 1)
            try transfer.set(.uploadBytes, upload.count)
        } catch {
            let code: SMTPError.Code = error.kind == .noMemory ? .overloaded : .invalidConfiguration
            throw SMTPError(code, "curl refuses a setting: \(error.message)")
        }
    }

    /// Hands the mail over.
    func perform() throws(SMTPError) {
        do throws(CurlError) {
            try transfer.perform()
        } catch {
            let reply: Int
            do throws(CurlError) { reply = try transfer.responseCode() } catch { reply = 0 }
            throw SubmissionFailure(error: error, reply: reply, messageHasBegun: upload.hasBegun).error
        }
    }

    private func setBounds(connectTimeout: Duration, timeout: Duration) throws(CurlError) {
        try transfer.set(.connectTimeoutMilliseconds, Self.milliseconds(min(connectTimeout, timeout)))
        try transfer.set(.timeoutMilliseconds, Self.milliseconds(timeout))
        // The bound of the whole transfer does not cover QUIT and its answer; this one does. Closing the connection here
        // rather than in curl_easy_cleanup keeps it in force: the cleanup has bounds of its own, of two minutes.
        try transfer.set(.responseTimeoutSeconds, max(1, Int(timeout.components.seconds)))
        try transfer.set(.forbidsReuse, 1)
    }

    private static func milliseconds(_ duration: Duration) -> Int { max(1, Int(duration / .milliseconds(1))) }
}

/// What a submission that failed means.
struct SubmissionFailure {
    let failure: CurlError
    /// The server's last reply; 0 when there was none.
    let reply: Int
    let messageHasBegun: Bool

    init(error: CurlError, reply: Int, messageHasBegun: Bool) {
        failure = error
        self.reply = reply
        self.messageHasBegun = messageHasBegun
    }

    var error: SMTPError {
        SMTPError(kind, "\(stage)\(failure.message)\(reply > 0 ? ", last reply \(reply)" : "")")
    }

    private var stage: String { messageHasBegun ? "after the message began: " : "" }

    private var kind: SMTPError.Code {
        switch failure.kind {
        case .unreachable: .unreachable
        case .timedOut: .timedOut
        case .interrupted: .cancelled
        case .loginDenied: .authenticationFailed
        case .tlsFailed: .tlsFailed
        case .invalidSetting: .invalidConfiguration
        case .noMemory: .overloaded
        // The refusal of a hello.
        case .accessDenied: .serverRefused
        // The refusal of a greeting, or of the message after its last byte.
        case .weirdReply: messageHasBegun ? refusal : .serverRefused
        // The refusal of MAIL, RCPT or DATA; also a connection that broke while sending.
        case .sendFailed: reply >= 400 ? refusal : .connectionLost
        case .refusedByReceiver, .tooLarge, .connectionLost: .connectionLost
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
