#!/usr/bin/env python3
"""Writes Tests/MoneyTests/DecimalVectors.swift: sums, products, quotients and roots as Python's decimal module has them.

usage: generate_vectors.py > Tests/MoneyTests/DecimalVectors.swift
"""

import decimal
import random
from decimal import Decimal

decimal.getcontext().prec = 400
MODES = {
    "halfEven": decimal.ROUND_HALF_EVEN,
    "halfUp": decimal.ROUND_HALF_UP,
    "halfDown": decimal.ROUND_HALF_DOWN,
    "down": decimal.ROUND_DOWN,
    "up": decimal.ROUND_UP,
    "floor": decimal.ROUND_FLOOR,
    "ceiling": decimal.ROUND_CEILING,
}
LIMIT = 10**38
EDGES = [
    "0", "0.00", "1", "-1", "0.5", "-0.5", "1.5", "2.5", "-2.5", "0.1", "0.000000000000000001",
    "9" * 38, "-" + "9" * 38, "9" * 20 + "." + "9" * 18, "1" + "0" * 37, "-5.00", "3", "7", "12.345",
    "-12.345", "999999999999.99", "0.333333333333333333",
]  # fmt: skip


def text(value, scale):
    """Plain notation at the scale, a zero without a sign; `overflow` past 38 digits."""
    mantissa = int(value.scaleb(scale))
    if abs(mantissa) >= LIMIT:
        return "overflow"
    digits = str(abs(mantissa)).rjust(scale + 1, "0")
    shown = digits if scale == 0 else digits[:-scale] + "." + digits[-scale:]
    return ("-" if mantissa < 0 else "") + shown


def scale_of(value):
    return -value.as_tuple().exponent


def rounded(value, scale, mode):
    return text(value.quantize(Decimal(1).scaleb(-scale), rounding=MODES[mode]), scale)


def number(rng):
    if rng.random() < 0.3:
        return Decimal(rng.choice(EDGES))
    digits = rng.randint(1, 38)
    scale = rng.randint(0, min(18, digits))
    mantissa = rng.randrange(10**digits) * rng.choice([1, -1])
    return Decimal(mantissa).scaleb(-scale)


def exact(value, scale):
    aligned = value.quantize(Decimal(1).scaleb(-scale))
    return text(aligned, scale)


def proportions(rng, mode):
    """Quotients of products whose divisor, aligned, passes 128 bits; half of them ties or a hair beside one."""
    unit = Decimal(1).scaleb(-18)
    for divisor in (1000, 1001, rng.randrange(10**9), rng.randrange(10**15)):
        divisor = Decimal(divisor)
        tie = Decimal(rng.randrange(1000)) + Decimal("0.5")
        for nudge in (-unit, Decimal(0), unit):
            a, b = (tie * divisor).quantize(unit) + nudge, Decimal("-1.000000000000000000")
            if len(a.as_tuple().digits) <= 38:
                yield f"muldiv{divisor}", a, b, 0, mode, rounded(a * b / divisor, 0, mode)
        a, b = (Decimal(rng.randrange(10**30)).scaleb(-18) for _ in range(2))
        yield f"muldiv{divisor}", a, b, 0, mode, rounded(a * b / divisor, 0, mode)


def vectors(rng):
    for _ in range(60):
        a, b = number(rng), number(rng)
        scale = max(scale_of(a), scale_of(b))
        # The operands are aligned first, and that too must fit.
        fits = all(abs(int(x.scaleb(scale))) < 2**127 for x in (a, b))
        yield "add", a, b, scale, "-", exact(a + b, scale) if fits else "overflow"
        yield "cmp", a, b, 0, "-", str(int(a.compare(b)))
    for _ in range(50):
        a, b = number(rng), number(rng)
        total = scale_of(a) + scale_of(b)
        product = a * b
        if total > 18 and product != product.quantize(Decimal(1).scaleb(-18), rounding=decimal.ROUND_DOWN):
            wide = abs(int(product.scaleb(18))) >= 2**128
            result = "overflow" if wide else "inexact"
        else:
            result = text(product, min(total, 18))
        yield "mul", a, b, min(total, 18), "-", result
    for mode in MODES:
        for _ in range(10):
            a, b, scale = number(rng), number(rng), rng.randint(0, 18)
            yield "mulr", a, b, scale, mode, rounded(a * b, scale, mode)
            if b != 0:
                yield "div", a, b, scale, mode, rounded(a / b, scale, mode)
            yield "round", a, Decimal(0), scale, mode, rounded(a, scale, mode)
        for tie in ("0.5", "1.5", "-0.5", "-1.5", "2.45", "-2.55"):
            places = 0 if tie.endswith(".5") else 1
            yield "round", Decimal(tie), Decimal(0), places, mode, rounded(Decimal(tie), places, mode)
        yield from proportions(rng, mode)
    for _ in range(40):
        scale = rng.randint(0, 12)
        a = abs(Decimal(rng.randrange(10 ** rng.randint(1, 14))).scaleb(-rng.randint(0, 18)))
        yield "sqrt", a, Decimal(0), scale, "-", rounded(a.sqrt(), scale, "halfEven")


def main():
    rng = random.Random(20261120)
    print("/// `operation|a|b|scale|rounding|result` a line, made by Tests/Interop/decimal/generate_vectors.py.")
    print("enum DecimalVectors {")
    print('    static let lines = """')
    for name, a, b, scale, mode, result in vectors(rng):
        line = f"        {name}|{text(a, scale_of(a))}|{text(b, scale_of(b))}|{scale}|{mode}|{result}"
        if len(line) <= 120:
            print(line)
    print('        """')
    print("}")


main()
