import Secrets
import Testing

@testable import Tokens

@Suite("RSA keys")
struct KeyTests {
    @Test func theExampleOfRFC7515() throws {
        // RFC 7515, appendix A.2.
        let key = try RSAPublicKey(
            modulus: Base64URL.decode(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql"
                    + "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs"
                    + "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud"
                    + "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"),
            exponent: Base64URL.decode("AQAB"))
        let input =
            "eyJhbGciOiJSUzI1NiJ9"
            + ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let signature = try Base64URL.decode(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG"
                + "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
                + "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"
                + "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw")
        #expect(try key.isValid(signature: signature, for: Array(input.utf8)))
        #expect(try !key.isValid(signature: signature, for: Array((input + "x").utf8)))
        // A context that refused once goes on working.
        #expect(try key.isValid(signature: signature, for: Array(input.utf8)))
    }

    @Test func theThumbprintOfRFC7638() throws {
        // RFC 7638, section 3.1.
        let key = try RSAPublicKey(
            modulus: Base64URL.decode(
                "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK"
                    + "RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic"
                    + "AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3"
                    + "XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"),
            exponent: Base64URL.decode("AQAB"))
        #expect(key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    @Test func keysGoThroughPEMAndDER() throws {
        let key = try Fixture.shared.get().key
        #expect(key.publicKey.modulus.count == 384)
        #expect(key.publicKey.exponent == [1, 0, 1])
        let pem = try key.pkcs8PEM()
        #expect(pem.hasPrefix("-----BEGIN PRIVATE KEY-----\n") && pem.hasSuffix("-----END PRIVATE KEY-----\n"))
        #expect(pem.split(separator: "\n").allSatisfy { $0.count <= 64 })
        let again = try RSAPrivateKey(pkcs8PEM: pem)
        let windows = try RSAPrivateKey(pkcs8PEM: pem.split(separator: "\n").joined(separator: "\r\n"))
        let fromDER = try RSAPrivateKey(pkcs8DER: key.pkcs8DER())
        for copy in [again, windows, fromDER] {
            #expect(copy.publicKey == key.publicKey)
            #expect(try key.publicKey.isValid(signature: copy.sign([1, 2, 3]), for: [1, 2, 3]))
        }
    }

    @Test func whatIsNoPrivateKeyIsRefused() throws {
        let key = try Fixture.shared.get().key
        let der = try key.pkcs8DER()
        let pem = try key.pkcs8PEM()
        var changed = der
        // Inside the private exponent: the parts no longer fit.
        changed[der.count / 2] ^= 0x40
        for bytes in [[], [0x30], Array(der.dropLast()), der + [0], changed, randomBytes(500)] {
            #expect(refusal { _ = try RSAPrivateKey(pkcs8DER: bytes) } == .invalidKey)
        }
        let texts = [
            "", "x", pem.replacing("PRIVATE", with: "PUBLIC"), pem.replacing("BEGIN", with: "BEGIN RSA"), pem + pem,
            "x" + pem, pem + "x", String(pem.dropLast(40)), Self.ellipticCurveKey, Self.shortKey, Self.encryptedKey,
            pem.replacing("\nM", with: "\n M"),
        ]
        for text in texts {
            #expect(refusal { _ = try RSAPrivateKey(pkcs8PEM: text) } == .invalidKey, "\(text.prefix(60))")
        }
    }

    @Test func whatIsNoPublicKeyIsRefused() throws {
        let good = try Fixture.shared.get().key.publicKey
        let even = Array(good.modulus.dropLast()) + [0]
        let faults: [(modulus: [UInt8], exponent: [UInt8])] = [
            ([], [1, 0, 1]), (good.modulus, []), (good.modulus, [3]), (good.modulus, [1, 0, 0]),
            (good.modulus, [0xFF, 0xFF]),
            (good.modulus, [1, 0, 0, 0, 1]), (even, [1, 0, 1]), (Array(good.modulus.suffix(255)), [1, 0, 1]),
            ([0x7F] + Array(repeating: 0xFF, count: 255), [1, 0, 1]),
            (Array(repeating: 0xFF, count: 1_025), [1, 0, 1]),
        ]
        for fault in faults {
            #expect(
                refusal { _ = try RSAPublicKey(modulus: fault.modulus, exponent: fault.exponent) } == .invalidKey,
                "\(fault.modulus.count) \(fault.exponent)")
        }
        #expect(try RSAPublicKey(modulus: [0] + good.modulus, exponent: [0, 1, 0, 1]) == good)
    }

    @Test func signaturesOfEveryOtherLengthAreInvalid() throws {
        let key = try Fixture.shared.get().key
        for count in [0, 1, 383, 385, 1_000] {
            #expect(try !key.publicKey.isValid(signature: Array(repeating: 1, count: count), for: [1]))
        }
        #expect(try key.publicKey.isValid(signature: key.sign([]), for: []))
    }
}

extension KeyTests {
    /// Keys made for these tests alone.
    static let ellipticCurveKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGAT6o4wOBgOt24BD
        nHw+3HTDMWeZgY8qw/AUGi9RzBuhRANCAASGv/Ga9cSyxSwy0YaVVOkz9nwnkGXl
        7U7ELreWUrWFcWRroJGAHhiCYaNCZUkvWB6jdV9DTpi+3cEzkjrLRmp+
        -----END PRIVATE KEY-----

        """

    /// 2048 bits: enough to verify with, too short to sign with.
    static let shortKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDN+IyNAev+4cIH
        uVlbj5sayga06q67u1D8sO+vX/tWY12vGFTUgsWLTFRKN3Umxg+6ZAAoBMeqhnWW
        w6FudnFGxUiuVwI8H8jbtTQilIF1Tvwj/2GzqDCCtk005OT2H0Tdb6vxIM9/DVjj
        E4SSf1BhugEZ6DR7RWgoev11ookv18YRAZXZtUlWS9QHl29lnkyEKmwKjlnkDE8R
        SGFgreNddDX+JgyBugVTTw3totC4kgLLC6BFaa7UrpWL+WsYadigBj5J5RY0LSh1
        8cR3qmuwHsbbR82r6ed6PxtgIyOlB500wyiiHqIBfhXwIhwW+a2Rts0jJkDPH1Mb
        oRiuY4sNAgMBAAECggEAGKElx2/JJVWgItXQYGFD+hhZ5HTit5qu1MSgqK84ygwA
        RiGJ9U586ksSkjxe8yfAdjiihyaJLLQ+5+wVR/T8VyrcpdJMN13SoikhJphtAZbU
        EkblyzqrsFm10kMjuOWk0bjaje8vOMFjFWY+VllIhqMcIhmw+uOiEKMiX1h0AKcc
        yzpYL5Cw0RunTvDL2dgJaJvrqqW6l1kZDrpQ8wyXtYlV0A/9/z7rkHH4P4Y+Vtzt
        6lQV4DMd/AI+LdPQStJ2HafBxT8sssq9PxFXQpPtXSF9hoQ5mGmqHPgRjnZ+ajH2
        g5GiPwbEG1WjtwVLxaUUA+Wdb4gXQEbG1uwe6n4u2QKBgQD67cGXD0H7QTzGhK2p
        hykc1PkSIzmziamU2OSH/2eC8yLyaO87s3p8/Ye0UAacsWqmaQFUI7Apd1Fc648o
        yw29CX8BcVirsFVczNaGmBnKSXqKh4G2ePiv2MCtgLMzTqBOHXJL25YfV81j7vCN
        KSioDFAuPiG5taeFWNntPx675QKBgQDSIjEkmOIEFz+ZG+l2E4MRyiX3TjFrVIYk
        H3gz63xmFChnKxYyM5dBuwkxAuKUaENGB9TU8k0aR4spH7/ucU0VSabN4Jgthw3y
        hhfXgcoTnBKR9meKqasv+4RfqWvgNdrzNxh8YzGWoITpjIpxV9dBcuQXJMxhhVk5
        WZfEfYQwCQKBgGP+QtrzlZOOV620SY/48IUwyWBU8TV+cjmChO888/7W7OI0tsDP
        sMwGLAHKshfXC2ztAz6ISjb7+UxSAmZ7JCpkklv80xz308x7RDG2gvB9f3ucrDAO
        3OsWMRHy63ZSqsb2LQnVo2kyEAL2wJ0//ZeZ8Im88KuUnAEjexRzxseRAoGAYH6h
        EIxAJd7DLr0ZjUZShwXMP2+h1AbBfq8Q1M7LllilYRLxI2Z7jAymoOIRSFNEqVEJ
        VCxcabf22JCi440V97OVrK75UtbU+czIAAey0yR1hp+fVpapbORUGlXDmvdALzXa
        wawPZnsZ7eHC5V+QEpb+1P3p+NJycZqJzgpRfHkCgYEAgTyfzrMOHy8gU+C/jJFH
        6q1l6v0lH0wGyNOoBqnAjYZRBasLX9NEXARmlMLOEkY0fRefcFIVna0r+vvFbZ8z
        Xyms+RZJRN/9FHr3QGnt4MqXctN7m0DE53KTGEwukAFtdidUaI08b1smbIZTl0xv
        OtQlAE+G4sR0iYwjK15cN24=
        -----END PRIVATE KEY-----

        """

    /// Under the password x.
    static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjsKUm1D+lZzgICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEDNUf5rgdRRKxlzYaXmHyt8EgZCK
        60fPQz0iGH0uSRHbQFic0O5i77DXwx47iDkmtY5sdALu8ft5UC3aqmRGnpwmHMa7
        L/vMZSBCm+kQWCBlt2hh02o99k6F6PEi4cBlmiB7sRu2eXJPvLEHgbSJrSGWycWP
        vVjfR0pB1Mp/ABKsFsE0Hl8ShE+AaRWSb6ONU1iHwWcwPWKldf2snaUp/DHE3NQ=
        -----END ENCRYPTED PRIVATE KEY-----

        """
}
