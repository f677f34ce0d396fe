import Chronology
import Foundation
import Money
import PortfolioDomain
import Testing

@Suite struct NAVFileTests {
    static let six = """
        Scheme Code;ISIN Div Payout/ ISIN Growth;ISIN Div Reinvestment;Scheme Name;Net Asset Value;Date
         
        Open Ended Schemes(Debt Scheme - Banking and PSU Fund)
         
        360 ONE Mutual Fund
         
        119551;INF209KA12Z1;INF209KA13Z9;Bank & PSU Debt Fund - IDCW;107.2402;17-Aug-2026
        119552;-;-;No ISIN Fund;0.00000001;21-Nov-2026
        """

    static let eight = """
        \u{feff}Scheme Code;ISIN Div Payout/ ISIN Growth;ISIN Div Reinvestment;Scheme Name;Plan;Option;Net Asset Value;Date\r
        \r
        119551;INF209KA12Z1;INF209KA13Z9;Bank & PSU Debt Fund;Direct Plan;IDCW;106.8821;21-Aug-2026\r
        """

    @Test func layoutOfSixColumns() throws {
        let file = try NAVFile(reading: Array(Self.six.utf8)[...])
        #expect(file.rejections.isEmpty)
        #expect(
            file.rows.map { "\($0.line) \($0.schemeCode) \($0.isins) \($0.netAssetValue) \($0.on)" } == [
                "7 119551 [\"INF209KA12Z1\", \"INF209KA13Z9\"] 107.2402 2026-08-17",
                "8 119552 [] 0.00000001 2026-11-21",
            ])
    }

    @Test func layoutOfEightColumnsWithMarkAndCarriageReturns() throws {
        let file = try NAVFile(reading: Array(Self.eight.utf8)[...])
        #expect(file.rejections.isEmpty)
        #expect(
            file.rows.map { "\($0.schemeCode) \($0.schemeName) \($0.netAssetValue) \($0.on)" } == [
                "119551 Bank & PSU Debt Fund 106.8821 2026-08-21"
            ])
    }

    @Test func columnsAreFoundByName() throws {
        let file = try NAVFile(reading: Array("Date;Net Asset Value;Scheme Code\n1-Jan-2026;1.5;7\n".utf8)[...])
        #expect(file.rows.map { "\($0.schemeCode) \($0.netAssetValue) \($0.on)" } == ["7 1.5 2026-01-01"])
    }

    @Test(arguments: [
        ("119551;-;-;Fund;0;17-Aug-2026", NAVRejection.Code.zeroPrice),
        ("119551;-;-;Fund;N.A.;17-Aug-2026", .invalidNumber),
        ("119551;-;-;Fund;-1.5;17-Aug-2026", .invalidNumber),
        ("119551;-;-;Fund;1e3;17-Aug-2026", .invalidNumber),
        ("119551;-;-;Fund;1.5;2026-08-17", .invalidDate),
        ("119551;-;-;Fund;1.5;31-Feb-2026", .invalidDate),
        ("119551;-;-;Fund;1.5;", .invalidDate),
        ("A1;-;-;Fund;1.5;17-Aug-2026", .invalidSchemeCode),
        ("119551;-;Fund;1.5;17-Aug-2026", .wrongColumnCount),
    ])
    func rowThatCannotBeRead(line: String, code: NAVRejection.Code) throws {
        let file = try NAVFile(reading: Array((Self.six + "\n" + line).utf8)[...])
        #expect(file.rows.count == 2)
        #expect(file.rejections.map(\.code) == [code])
        #expect(file.rejections.map(\.line) == [9])
    }

    @Test(arguments: ["\n", "\r\n", "\r"]) func linesEndInThreeWays(end: String) throws {
        let lines = [
            "", "Scheme Code;Net Asset Value;Date", "", "1;1.5;1-Jan-2026", "x;1.5;1-Jan-2026", "2;2.5;2-Jan-2026",
        ]
        for text in [lines.joined(separator: end), lines.joined(separator: end) + end] {
            let file = try NAVFile(reading: Array(text.utf8)[...])
            #expect(file.rows.map(\.line) == [4, 6] && file.rejections.map(\.line) == [5])
        }
    }

    @Test func keepsWhatIsWantedAndCountsTheRest() throws {
        let rows = (1...50).map { "\($0);1.5;1-Jan-2026" } + (1...150).map { "\($0);N.A.;1-Jan-2026" }
        let text = (["Scheme Code;Net Asset Value;Date"] + rows).joined(separator: "\n")
        let file = try NAVFile(reading: Array(text.utf8)[...], atMost: 5) { ["7", "8", "49"].contains($0.schemeCode) }
        #expect(file.rows.map(\.schemeCode) == ["7", "8", "49"] && file.rowCount == 50)
        #expect(file.rejectionCount == 150 && file.rejections.map(\.line) == Array(52..<152))
        #expect(throws: NAVFileError.tooManyRows) { try NAVFile(reading: Array(text.utf8)[...], atMost: 49) }
        #expect(try NAVFile(reading: Array(text.utf8)[...], atMost: 50).rows.count == 50)
    }

    /// A line that is far too long costs neither time nor memory; what stands in it is not looked at.
    @Test func aLineWithoutEndIsNoRow() throws {
        let long = [UInt8](repeating: UInt8(ascii: ";"), count: 3_000_000) + [0xFF, 0x0A]
        let file = try NAVFile(reading: (long + Array(Self.six.utf8) + [0x0A] + long + Array("7;8\n".utf8))[...])
        #expect(file.rows.count == 2 && file.rejections.map(\.line) == [10, 11])
        #expect(file.rejections.map(\.code) == [.wrongColumnCount, .wrongColumnCount])
    }

    @Test(arguments: ["", "<!DOCTYPE html><html><body>a; b; c</body></html>", "1;2;3\n4;5;6"])
    func textThatIsNoList(text: String) {
        #expect(throws: NAVFileError.noHeader) { try NAVFile(reading: Array(text.utf8)[...]) }
    }

    @Test func bytesThatAreNoText() {
        #expect(throws: NAVFileError.notUTF8) { try NAVFile(reading: [0xff, 0xfe, 0x00]) }
    }

    /// The real lists hold more than 8,000 rows each. They are not part of the project: `FLORIN_DATA` names their folder.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["FLORIN_DATA"] != nil, "FLORIN_DATA names no folder of real lists"),
        arguments: ["NAVAll-6-columns.txt", "NAVAll-8-columns.txt"])
    func realList(name: String) throws {
        let folder = try #require(ProcessInfo.processInfo.environment["FLORIN_DATA"])
        let bytes = try Data(contentsOf: URL(filePath: folder).appending(path: "amfi/\(name)"))
        let file = try NAVFile(reading: Array(bytes)[...])
        #expect(file.rows.count > 8_000)
        #expect(file.rejections.allSatisfy { $0.code == .zeroPrice || $0.code == .invalidNumber })
        #expect(Set(file.rows.map(\.schemeCode)).count == file.rows.count)
    }

    /// Whatever stands in a file, reading ends with a list or a refusal.
    @Test func mutatedListsAreReadOrRefused() throws {
        var state: UInt64 = 7
        let seed = Array(Self.six.utf8)
        for _ in 0..<2_000 {
            var bytes = seed
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let place = Int(state >> 33) % bytes.count
                bytes[place] = UInt8(truncatingIfNeeded: state >> 20)
            }
            do {
                let file = try NAVFile(reading: bytes[...])
                #expect(file.rows.count + file.rejections.count <= 8)
            } catch {
                #expect([NAVFileError.noHeader, .notUTF8].contains(error))
            }
        }
    }
}
