internal import CCurl

/// libcurl's own start, which must have happened before its first use from more than one thread.
private enum Curl {
    static let isReady = curl_global_init(FLORIN_CURL_GLOBAL_DEFAULT) == CURLE_OK
}

/// What a transfer sends and takes; curl asks on the thread of `perform`.
package protocol CurlDelegate: AnyObject {
    /// The next bytes to send, at most `count`; none at the end.
    func next(atMost count: Int) -> ArraySlice<UInt8>
    /// Takes bytes of the answer; false ends the transfer.
    func receive(_ bytes: [UInt8]) -> Bool
    /// Takes a line of the answer's head, with its CR LF; false ends the transfer.
    func receiveHeader(_ line: [UInt8]) -> Bool
    /// Whether to give up; asked about once a second, and whenever something arrives or leaves.
    var isInterrupted: Bool { get }
}

extension CurlDelegate {
    package func next(atMost count: Int) -> ArraySlice<UInt8> { [] }
    package func receive(_ bytes: [UInt8]) -> Bool { true }
    package func receiveHeader(_ line: [UInt8]) -> Bool { true }
}

/// A setting whose value is a text.
package enum CurlText: Sendable {
    case url, allowedProtocols, proxy, user, password, sender, certificateAuthority, userAgent
}

/// A setting whose value is a number.
package enum CurlNumber: Sendable {
    case connectTimeoutMilliseconds, timeoutMilliseconds, responseTimeoutSeconds, forbidsReuse, isUpload,
        uploadBytes, isPost, postBytes, followsRedirects, maximumBytes
}

/// A setting whose value is a list of texts.
package enum CurlList: Sendable {
    case recipients, requestHeaders
}

/// One transfer over one connection of libcurl. It blocks, and belongs to one thread.
///
/// Whatever it is for: no proxy that the environment names, no signal, TLS 1.2 at least, certificates and their names
/// checked.
@safe package final class CurlTransfer {
    private let handle: OpaquePointer
    private let delegate: any CurlDelegate
    private let callbacks: CurlCallbacks
    /// curl_easy_setopt(3): a list has to live as long as the handle may use it.
    private var lists: [CurlStrings] = []

    package init(_ delegate: any CurlDelegate) throws(CurlError) {
        guard Curl.isReady, let handle = unsafe curl_easy_init() else {
            throw CurlError(.noMemory, "curl has no memory for a transfer")
        }
        unsafe self.handle = handle
        self.delegate = delegate
        callbacks = CurlCallbacks(delegate)
        try set(.proxy, "")
        try setLong(CURLOPT_NOSIGNAL, 1)
        try setLong(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        try setLong(CURLOPT_SSL_VERIFYPEER, 1)
        try setLong(CURLOPT_SSL_VERIFYHOST, 2)
        try connectCallbacks()
    }

    deinit { unsafe curl_easy_cleanup(handle) }

    /// Makes a setting.
    package func set(_ setting: CurlText, _ value: String) throws(CurlError) {
        try check(unsafe florin_curl_set_text(handle, setting.option, value))
    }

    /// Makes a setting.
    package func set(_ setting: CurlNumber, _ value: Int) throws(CurlError) { try setLong(setting.option, value) }

    /// Demands that the connection be protected by the protocol's own command (STARTTLS), or that nothing be sent.
    package func requireStartTLS() throws(CurlError) { try setLong(CURLOPT_USE_SSL, FLORIN_CURL_USESSL_ALL) }

    /// Makes a setting, once.
    package func set(_ setting: CurlList, _ values: [String]) throws(CurlError) {
        guard let list = try CurlStrings(values) else { return }
        lists.append(list)
        try check(unsafe florin_curl_set_list(handle, setting.option, list.head))
    }

    /// Makes the transfer.
    package func perform() throws(CurlError) { try check(unsafe curl_easy_perform(handle)) }

    /// The status or reply of the server's last answer; 0 when there was none.
    package func responseCode() throws(CurlError) -> Int {
        var code = 0
        try check(unsafe florin_curl_response_code(handle, &code))
        return code
    }

    private func connectCallbacks() throws(CurlError) {
        // The callbacks outlive the calls: this object keeps them, and curl calls them in `perform` alone.
        let context = unsafe Unmanaged.passUnretained(callbacks).toOpaque()
        try check(unsafe florin_curl_set_reader(handle, CurlCallbacks.read, context))
        try check(unsafe florin_curl_set_writer(handle, CurlCallbacks.write, context))
        try check(unsafe florin_curl_set_header_writer(handle, CurlCallbacks.writeHeader, context))
        try check(unsafe florin_curl_set_progress(handle, CurlCallbacks.report, context))
        try setLong(CURLOPT_NOPROGRESS, 0)
    }

    private func setLong(_ option: CURLoption, _ value: Int) throws(CurlError) {
        try check(unsafe florin_curl_set_long(handle, option, value))
    }

    private func check(_ code: CURLcode) throws(CurlError) {
        if code != CURLE_OK { throw CurlError(code) }
    }
}

/// A list of texts as curl has it.
@safe private final class CurlStrings {
    let head: UnsafeMutablePointer<curl_slist>

    /// Nil for no texts: curl knows no empty list.
    init?(_ texts: [String]) throws(CurlError) {
        guard let first = texts.first else { return nil }
        guard let head = unsafe curl_slist_append(nil, first) else { throw Self.noMemory }
        unsafe self.head = head
        for text in texts.dropFirst() {
            // Only an empty list gets another head.
            guard unsafe curl_slist_append(head, text) != nil else { throw Self.noMemory }
        }
    }

    deinit { unsafe curl_slist_free_all(head) }

    private static var noMemory: CurlError { CurlError(.noMemory, "curl has no memory for a list") }
}

/// The C functions that curl calls, and whom they ask.
private final class CurlCallbacks {
    private let delegate: any CurlDelegate

    init(_ delegate: any CurlDelegate) { self.delegate = delegate }

    private static func delegate(_ context: UnsafeMutableRawPointer) -> any CurlDelegate {
        unsafe Unmanaged<CurlCallbacks>.fromOpaque(context).takeUnretainedValue().delegate
    }

    static let read: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
        buffer, size, count, context in
        guard let context = unsafe context else { return Int(CURL_READFUNC_ABORT) }
        let bytes = unsafe delegate(context).next(atMost: size * count)
        let space = unsafe UnsafeMutableRawBufferPointer(start: buffer, count: size * count)
        let piece = bytes.prefix(space.count)
        unsafe space.copyBytes(from: piece)
        return piece.count
    }

    static let write: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
        buffer, size, count, context in
        guard let context = unsafe context else { return 0 }
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: buffer, count: size * count))
        return unsafe delegate(context).receive(bytes) ? bytes.count : failure(bytes)
    }

    static let writeHeader: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
        buffer, size, count, context in
        guard let context = unsafe context else { return 0 }
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: buffer, count: size * count))
        return unsafe delegate(context).receiveHeader(bytes) ? bytes.count : failure(bytes)
    }

    static let report:
        @convention(c) (UnsafeMutableRawPointer?, curl_off_t, curl_off_t, curl_off_t, curl_off_t) -> Int32 = {
            context, _, _, _, _ in
            guard let context = unsafe context else { return 1 }
            return unsafe delegate(context).isInterrupted ? 1 : 0
        }

    /// Any other number than that of the bytes is a refusal (CURLOPT_WRITEFUNCTION(3)).
    private static func failure(_ bytes: [UInt8]) -> Int { bytes.isEmpty ? 1 : 0 }
}

extension CurlText {
    fileprivate var option: CURLoption {
        switch self {
        case .url: CURLOPT_URL
        case .allowedProtocols: CURLOPT_PROTOCOLS_STR
        case .proxy: CURLOPT_PROXY
        case .user: CURLOPT_USERNAME
        case .password: CURLOPT_PASSWORD
        case .sender: CURLOPT_MAIL_FROM
        case .certificateAuthority: CURLOPT_CAINFO
        case .userAgent: CURLOPT_USERAGENT
        }
    }
}

extension CurlNumber {
    fileprivate var option: CURLoption {
        switch self {
        case .connectTimeoutMilliseconds: CURLOPT_CONNECTTIMEOUT_MS
        case .timeoutMilliseconds: CURLOPT_TIMEOUT_MS
        case .responseTimeoutSeconds: CURLOPT_SERVER_RESPONSE_TIMEOUT
        case .forbidsReuse: CURLOPT_FORBID_REUSE
        case .isUpload: CURLOPT_UPLOAD
        case .uploadBytes: CURLOPT_INFILESIZE
        case .isPost: CURLOPT_POST
        case .postBytes: CURLOPT_POSTFIELDSIZE
        case .followsRedirects: CURLOPT_FOLLOWLOCATION
        case .maximumBytes: CURLOPT_MAXFILESIZE
        }
    }
}

extension CurlList {
    fileprivate var option: CURLoption {
        switch self {
        case .recipients: CURLOPT_MAIL_RCPT
        case .requestHeaders: CURLOPT_HTTPHEADER
        }
    }
}
