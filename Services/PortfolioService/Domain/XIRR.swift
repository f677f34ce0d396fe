package import Chronology
import Glibc
package import Money

/// Money into (negative) or out of (positive) an investment on a day, as its owner sees it.
package struct CashFlow: Sendable, Hashable {
    package let on: CalendarDate
    package let amount: Decimal

    package init(on: CalendarDate, amount: Decimal) {
        self.on = on
        self.amount = amount
    }
}

/// Why a money-weighted return does not exist.
package enum XIRRFailure: String, Error {
    /// Money went only one way.
    case noSignChange = "no_sign_change"
    /// No rate above −100 % makes the flows worth nothing.
    case noRoot = "no_root"
}

/// The money-weighted annual return: the rate r with Σ amount ÷ (1 + r)^(days ÷ 365) = 0, days counted from the first flow.
///
/// Of several rates the one nearest to zero is the answer. The rate is a solution of an equation, not an amount of money, so
/// it is searched in floating point, and rounded half to even to six decimals.
package func xirr(_ flows: [CashFlow]) throws(XIRRFailure) -> Decimal {
    let equation = PresentValue(flows)
    guard equation.changesSign else { throw .noSignChange }
    let candidates = [equation.nearestRoot(direction: 1), equation.nearestRoot(direction: -1)].compactMap { $0 }
    guard let rate = candidates.map({ expm1($0) }).min(by: { abs($0) < abs($1) }) else { throw .noRoot }
    do {
        return try Decimal(approximating: rate, scale: 6)
    } catch {
        throw .noRoot
    }
}

/// The value of flows at their first day, as a function of u = ln(1 + r): Σ amount · e^(−u · years). In u the search is even:
/// a step is the same factor everywhere between −100 % and large rates.
private struct PresentValue {
    private let terms: [(years: Double, amount: Double)]
    let changesSign: Bool

    /// Rates from −99.99 % (u ≈ −9.2) to 900,000 % (u ≈ 9.1).
    private static let limit = 9.2
    private static let step = 0.05

    init(_ flows: [CashFlow]) {
        var byDay: [CalendarDate: Double] = [:]
        for flow in flows { byDay[flow.on, default: 0] += flow.amount.approximation }
        let first = byDay.keys.min()
        terms = byDay.sorted { $0.key < $1.key }.map { day, amount in
            (years: Double(first?.days(until: day) ?? 0) / 365, amount: amount)
        }
        changesSign = terms.contains { $0.amount > 0 } && terms.contains { $0.amount < 0 }
    }

    func value(atLogRate u: Double) -> Double {
        var sum = 0.0
        for term in terms { sum += term.amount * exp(-u * term.years) }
        return sum
    }

    /// The root next to zero on one side, found by walking outward until the sign changes, then by bisection.
    func nearestRoot(direction: Double) -> Double? {
        var near = 0.0
        var nearValue = value(atLogRate: near)
        if nearValue == 0 { return near }
        while abs(near) < Self.limit {
            let far = near + direction * Self.step
            let farValue = value(atLogRate: far)
            guard farValue.isFinite else { return nil }
            if farValue == 0 { return far }
            if (farValue > 0) != (nearValue > 0) { return bisect(near, far, nearIsPositive: nearValue > 0) }
            (near, nearValue) = (far, farValue)
        }
        return nil
    }

    private func bisect(_ near: Double, _ far: Double, nearIsPositive: Bool) -> Double {
        var (near, far) = (near, far)
        // Sixty halvings of 0.05 are below the spacing of floating-point numbers there.
        for _ in 0..<60 {
            let middle = (near + far) / 2
            if (value(atLogRate: middle) > 0) == nearIsPositive { near = middle } else { far = middle }
        }
        return (near + far) / 2
    }
}
