import Testing

@testable import Postgres

@Suite struct LeaseTests {
    private func transaction() -> Lease {
        Lease(id: Lease.ID(connection: 1, serial: 1), purpose: .transaction(.notBegun(begin: "BEGIN")))
    }

    @Test func beginIsGivenOutOnce() {
        var lease = transaction()
        #expect(!lease.hasBegun && !lease.needsRollback && !lease.isInTransaction)
        #expect(lease.takeBegin()?.sql == "BEGIN")
        #expect(lease.takeBegin() == nil)
        #expect(lease.hasBegun && lease.needsRollback && lease.isInTransaction)
    }

    @Test func aFailureLeavesOnlyTheRollback() {
        var lease = transaction()
        _ = lease.takeBegin()
        lease.failed()
        #expect(lease.refusal?.code == .transactionAborted)
        #expect(lease.needsRollback)
    }

    @Test func aCommitOnItsWayMayStillNeedARollback() {
        var lease = transaction()
        _ = lease.takeBegin()
        lease.commitWasSent()
        #expect(lease.refusal?.code == .leaseEnded)
        #expect(lease.needsRollback)
        lease.committed()
        #expect(!lease.needsRollback)
        lease.failed()
        #expect(!lease.needsRollback)
    }

    @Test func sessionsAreNeverRefused() {
        var lease = Lease(id: Lease.ID(connection: 1, serial: 2), purpose: .session)
        lease.failed()
        lease.commitWasSent()
        #expect(lease.refusal == nil)
        #expect(!lease.isTransaction)
        #expect(lease.takeBegin() == nil)
    }
}
