internal import CUV
internal import Glibc

/// The typed views of a TCP handle's memory.
@safe struct StreamPointers {
    let tcp: UnsafeMutablePointer<uv_tcp_t>
    let stream: UnsafeMutablePointer<uv_stream_t>

    init(_ connection: TCPConnection) {
        unsafe tcp = connection.pointer(as: uv_tcp_t.self)
        // C rule: uv_tcp_t begins with the fields of uv_stream_t.
        unsafe stream = connection.pointer(as: uv_stream_t.self)
    }
}

/// `socklen_t` is unsigned and libuv's length is an int of the same size.
func unsafeIntPointer(_ pointer: UnsafeMutablePointer<socklen_t>) -> UnsafeMutablePointer<Int32> {
    unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Int32.self)
}

/// A `uv_connect_t`, alive from `begin` until its callback.
@safe final class ConnectRequest {
    private let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    private let connection: TCPConnection

    init(_ connection: TCPConnection) { self.connection = connection }

    deinit { unsafe request.deallocate() }

    func begin(_ address: UnsafePointer<sockaddr>) -> Int32 {
        let retained = unsafe Unmanaged.passRetained(self)
        unsafe request.pointee.data = retained.toOpaque()
        let status = unsafe uv_tcp_connect(request, connection.stream.tcp, address) { request, status in
            guard let data = unsafe request?.pointee.data else { return }
            unsafe Unmanaged<ConnectRequest>.fromOpaque(data).takeRetainedValue().connection.didConnect(status)
        }
        // C rule: the callback comes if and only if the call succeeded.
        if status != 0 { unsafe retained.release() }
        return status
    }
}

/// A `uv_shutdown_t`, alive from `begin` until its callback.
@safe final class ShutdownRequest {
    private let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
    private let connection: TCPConnection

    init(_ connection: TCPConnection) { self.connection = connection }

    deinit { unsafe request.deallocate() }

    func begin() -> Int32 {
        let retained = unsafe Unmanaged.passRetained(self)
        unsafe request.pointee.data = retained.toOpaque()
        let status = unsafe uv_shutdown(request, connection.stream.stream) { request, _ in
            guard let data = unsafe request?.pointee.data else { return }
            // A failed shutdown means a connection already broken, which reading reports.
            unsafe Unmanaged<ShutdownRequest>.fromOpaque(data).release()
        }
        if status != 0 { unsafe retained.release() }
        return status
    }
}

/// A `uv_write_t` with the bytes it writes, alive from `begin` until its callback.
@safe final class WriteRequest {
    private let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
    private let bytes: UnsafeMutableRawBufferPointer
    private let connection: TCPConnection

    init(_ connection: TCPConnection, copying source: UnsafeRawBufferPointer) {
        self.connection = connection
        unsafe bytes = .allocate(byteCount: source.count, alignment: 1)
        unsafe bytes.copyMemory(from: source)
    }

    deinit {
        unsafe bytes.deallocate()
        unsafe request.deallocate()
    }

    func begin() -> Int32 {
        let retained = unsafe Unmanaged.passRetained(self)
        unsafe request.pointee.data = retained.toOpaque()
        var buffer = unsafe uv_buf_t(base: bytes.baseAddress?.assumingMemoryBound(to: CChar.self), len: bytes.count)
        let status = unsafe uv_write(request, connection.stream.stream, &buffer, 1) { request, status in
            guard let data = unsafe request?.pointee.data else { return }
            let owner = unsafe Unmanaged<WriteRequest>.fromOpaque(data).takeRetainedValue()
            owner.connection.didWrite(status)
        }
        if status != 0 { unsafe retained.release() }
        return status
    }
}
