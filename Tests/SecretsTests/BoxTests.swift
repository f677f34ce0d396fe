import Testing

@testable import Secrets

@Suite("Secret boxes")
struct SecretBoxTests {
    @Test func theExampleOfNaCl() throws {
        // "Cryptography in NaCl", section 10.
        let key = try Hex.decode("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
        let nonce = try Hex.decode("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
        let message = try Hex.decode(
            "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129"
                + "6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde"
                + "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705")
        let box = try SecretBox(key: SecretBytes(copying: key))
        let ciphertext = box.seal(message, nonce: nonce)
        #expect(
            Hex.encode(ciphertext)
                == "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a"
                + "c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae"
                + "90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74"
                + "e355a5")
        #expect(try box.open(nonce + ciphertext) == message)
    }

    @Test func opensWhatItSealedAndNothingElse() throws {
        let box = try SecretBox(key: .random(count: 32))
        for count in [0, 1, 16, 1_000] {
            let message = randomBytes(count)
            let sealed = box.seal(message)
            #expect(sealed.count == count + 40)
            #expect(try box.open(sealed) == message)
            #expect(box.seal(message) != sealed)
            for index in sealed.indices where index % 7 == 0 {
                var changed = sealed
                changed[index] ^= 1
                #expect(throws: SecretsError.self) { try box.open(changed) }
            }
            #expect(throws: SecretsError.self) { try box.open(sealed.dropLast()) }
            #expect(throws: SecretsError.self) { try box.open(sealed + [0]) }
            #expect(throws: SecretsError.self) { try SecretBox(key: .random(count: 32)).open(sealed) }
        }
        for count in [0, 1, 39] {
            #expect(throws: SecretsError.self) { try box.open(Array(repeating: 0, count: count)) }
        }
    }

    @Test func keysHaveOneLengthAndForm() throws {
        let key = SecretBytes.random(count: 32)
        let box = try SecretBox(base64Key: Base64.encode(key.revealed()))
        #expect(try box.open(SecretBox(key: key).seal([1, 2, 3])) == [1, 2, 3])
        for count in [0, 16, 31, 33] {
            #expect(throws: SecretsError.self) { try SecretBox(key: .random(count: count)) }
            #expect(throws: SecretsError.self) { try SecretBox(base64Key: Base64.encode(randomBytes(count))) }
        }
        #expect(throws: SecretsError.self) { try SecretBox(base64Key: "not base64") }
    }
}

@Suite("Sealed boxes")
struct SealedBoxTests {
    @Test func thePublicKeyOfRFC7748() throws {
        // RFC 7748, section 6.1, Alice.
        let secret = try Hex.decode("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
        let key = try SealedBox.PrivateKey(secret: SecretBytes(copying: secret))
        #expect(Hex.encode(key.publicKey.bytes) == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    }

    @Test func thePrivateKeyAloneOpens() throws {
        let key = try SealedBox.PrivateKey()
        for count in [0, 1, 500] {
            let message = randomBytes(count)
            let box = try SealedBox.seal(message, to: key.publicKey)
            #expect(box.count == count + 48)
            #expect(try SealedBox.open(box, with: key) == message)
            #expect(try SealedBox.seal(message, to: key.publicKey) != box)
            for index in box.indices where index % 11 == 0 {
                var changed = box
                changed[index] ^= 0x80
                #expect(throws: SecretsError.self) { try SealedBox.open(changed, with: key) }
            }
            #expect(throws: SecretsError.self) { try SealedBox.open(box, with: SealedBox.PrivateKey()) }
            #expect(throws: SecretsError.self) { try SealedBox.open(box.dropLast(), with: key) }
        }
        for count in [0, 47] {
            #expect(throws: SecretsError.self) { try SealedBox.open(randomBytes(count), with: key) }
        }
    }

    @Test func keysGoThroughConfiguration() throws {
        let key = try SealedBox.PrivateKey()
        let again = try SealedBox.PrivateKey(base64: key.revealedBase64())
        let publicKey = try SealedBox.PublicKey(base64: key.publicKey.base64)
        #expect(again.publicKey == publicKey)
        #expect(try SealedBox.open(SealedBox.seal([7], to: publicKey), with: again) == [7])
        for text in [
            "", "AAAA", Base64.encode(randomBytes(31)), Base64.encode(randomBytes(33)), "*",
            key.publicKey.base64 + "\n",
        ] {
            #expect(throws: SecretsError.self) { try SealedBox.PublicKey(base64: text) }
            #expect(throws: SecretsError.self) { try SealedBox.PrivateKey(base64: text) }
        }
    }

    @Test func nothingIsSealedToAPointOfLowOrder() throws {
        let zero = try SealedBox.PublicKey(bytes: Array(repeating: 0, count: 32))
        #expect(throws: SecretsError.self) { try SealedBox.seal([1], to: zero) }
    }
}

@Suite("Secret bytes")
struct SecretBytesTests {
    @Test func showNothing() {
        let secret = SecretBytes(copying: Array("hunter2".utf8))
        #expect("\(secret)" == "<7 secret bytes>")
        #expect(String(reflecting: secret) == "<7 secret bytes>")
        var shown = ""
        dump(secret, to: &shown)
        #expect(!shown.contains("104"))
        #expect(secret.revealed() == Array("hunter2".utf8))
    }

    @Test func compare() {
        #expect(SecretBytes(copying: [1, 2]) == SecretBytes(copying: [1, 2]))
        #expect(SecretBytes(copying: [1, 2]) != SecretBytes(copying: [1, 3]))
        #expect(SecretBytes(copying: []) == SecretBytes(copying: []))
        #expect(SecretBytes.random(count: 32) != SecretBytes.random(count: 32))
    }

    @Test func errorsSayWhichAreWorthAnotherTry() {
        #expect(SecretsError(.outOfMemory, "x").isRetriable)
        #expect(!SecretsError(.cannotOpen, "x").isRetriable)
        #expect(SecretsError(.invalidKey, "why").description == "invalid_key: why")
    }
}
