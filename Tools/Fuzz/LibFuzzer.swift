#if FLORIN_LIBFUZZER
internal import Foundation

/// libFuzzer as the driver: `scripts/fuzz` builds this way. FLORIN_FUZZ_TARGET names the target, and the arguments are
/// libFuzzer's.
enum LibFuzzer {
    fileprivate static let target: FuzzTarget? = FuzzTarget.all.first { $0.name == name }
    private static let name = ProcessInfo.processInfo.environment["FLORIN_FUZZ_TARGET"]

    /// Whether libFuzzer is to run; the command line of `florin-fuzz` stays for everything else.
    static var isChosen: Bool { name != nil }

    static func run() throws -> Never {
        _ = try FuzzTarget.named(name ?? "")
        var count = CommandLine.argc
        var arguments = unsafe CommandLine.unsafeArgv
        exit(unsafe runDriver(&count, &arguments, testOneInput))
    }
}

/// `int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*)(const uint8_t *, size_t))` of libFuzzer, which has no header.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Tries one input; libFuzzer's own `main`, which is linked and not used, asks for it by this name.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try LibFuzzer.target?.check(unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        FileHandle.standardError.write(Data("broken: \(error)\n".utf8))
        abort()
    }
    return 0
}
#endif
