internal import Foundation

do {
    #if FLORIN_LIBFUZZER
    if LibFuzzer.isChosen { try LibFuzzer.run() }
    #endif
    try FuzzProgram(Array(CommandLine.arguments.dropFirst())).run()
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
