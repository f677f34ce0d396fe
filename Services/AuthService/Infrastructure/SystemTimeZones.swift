import AuthApplication
package import AuthDomain
import ServiceRuntime

/// The time zones that the machine's copy of the IANA database has (Debian's `tzdata`).
///
/// Where a machine has no copy, a name of the right shape is taken as it is: a time zone that is kept for its owner does
/// less harm than a profile that cannot be changed.
package struct SystemTimeZones: TimeZones {
    private let folder: String
    private let isInstalled: Bool

    /// - Parameter folder: where the database lies.
    package init(folder: String = "/usr/share/zoneinfo") {
        self.folder = folder
        isInstalled = FileSystem.isRegularFile("\(folder)/Etc/UTC")
    }

    package func contains(_ name: TimeZoneName) -> Bool {
        !isInstalled || FileSystem.isRegularFile("\(folder)/\(name.text)")
    }
}
