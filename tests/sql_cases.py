"""Spark SQL expressions that the ways without Spark compute, and rows of odd values to compute them of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipeline_contract.column_types import parse_type

COLUMNS = {
    "i": parse_type("integer"),
    "j": parse_type("integer"),
    "l": parse_type("bigint"),
    "d": parse_type("double"),
    "e": parse_type("double"),
    "p": parse_type("decimal(12,2)"),
    "q": parse_type("decimal(38,10)"),
    "b": parse_type("boolean"),
    "c": parse_type("boolean"),
    "s": parse_type("string"),
    "u": parse_type("string"),
    "t": parse_type("date"),
    "ts": parse_type("timestamp"),
}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


VALUES: dict[str, Sequence[Any]] = {
    "i": [0, 1, -7, 2**31 - 1, -(2**31), None, 365],
    "j": [3, 0, -2, None, 1],
    "l": [2**63 - 1, -(2**63), 0, 10, None, 2**53 + 1, -3],
    "d": [0.0, -0.0, 1.5, -2.5, 1e308, 5e-324, None, 0.1, 1e22, 2.675],
    "e": [2.0, 0.0, -0.3, None, 1e-300, 3.0],
    "p": [Decimal("0.00"), Decimal("9.50"), Decimal("-9999999999.99"), None, Decimal("0.01"), Decimal("7.00")],
    "q": [Decimal("0E-10"), Decimal("9" * 28 + "." + "9" * 10), Decimal("-0.0000000001"), None, Decimal("7.0000000000")],
    "b": [True, False, None],
    "c": [None, True, False, True],
    "s": ["", "abc", " a b ", "O'Brien", "10", "-3.7", "é😀ß", "İstanbul", "a%b_c\\d", None, "2024-02-30", "true", "a\nb\n",
          "2024-05-01", "1e2", "7 ", "NaN", "2024-05-01 10:00:00"],
    "u": ["b", "", None, "10", "abc", "ab", "O'Brien", "a"],
    "t": [date(2024, 2, 29), date(1, 1, 1), None, date(9999, 12, 31), date(1969, 12, 31), date(2024, 12, 30)],
    "ts": [_time("2024-02-29T23:59:59.999999"), _time("0001-01-01T00:00:00"), None, _time("1969-12-31T23:59:59.9"),
           _time("2024-05-01T12:00:00"), _time("9999-12-31T00:05:09.000001")],
}  # fmt: skip
# As many rows as no two of the columns repeat together for.
ROWS = [tuple(values[n % len(values)] for values in VALUES.values()) for n in range(210)]

BOOLEANS = r"""
i = j | i <> l | i < d | d <= e | p > q | p = 9.5 | p >= 7 | q = i | d = 0 | d > p | l > 1e18 | i != 3 | l == 10
s = u | s < u | s > 'a' | s = 10 | s < i | d = s | p = s | b = s | t = s | ts > s | t < '2024-03-01'
ts >= '2024-02-29 23:59:59' | t < ts | t = date'2024-02-29' | ts = timestamp'2024-05-01 12:00:00' | b = c | b < c
b <> true | i <=> j | s <=> u | d <=> e | i is distinct from j | null <=> s | i = null | b and c | b or c | not b
!b | b and null | b or null | b is true | b is not false | i is null | s is not null | i between j and 100
not i between -10 and 10 | s between 'a' and 'b' | d between -1 and 1.5 | i in (0, 1, 365) | i in (0, null)
i not in (1, 2) | s in ('abc', '10') | s in (u, 'abc') | d in (0.0, 1.5) | p in (9.5, 7) | l in (i, 10)
s like 'a%' | s like '%b_' | s like 'a\\%%' | s not like '%' | s like '_' | s rlike '^a.c$' | s rlike '[0-9]+'
s rlike 'b$' | s rlike '^\\s' | case when i > 0 then b else c end | if(i > j, true, null) | coalesce(b, c, false)
nullif(b, c) | isnull(s) | isnotnull(d) | startswith(s, u) | endswith(s, u) | contains(s, u) | cast(s as boolean)
cast(i as boolean) | cast(d as boolean) | cast(p as boolean) | try_cast(s as boolean) | i % 2 = 0 | (i + j) * 2 > 3
length(s) > 2 | abs(i) < 10
"""
INTEGERS = r"""
i + j | i - j | i * j | i % j | -i | - (i) | abs(i) | i + 1 | 2147483647
case i when 1 then 10 when -7 then 20 end | if(b, i, j) | coalesce(i, j, -1) | nullif(i, 1) | ifnull(j, 9)
nvl(i, j) | greatest(i, j, 2) | least(i, j) | length(s) | char_length(u) | len(s) | year(t) | month(ts) | day(t)
dayofmonth(ts) | quarter(t) | dayofweek(t) | weekday(ts) | dayofyear(t) | hour(ts) | minute(ts) | second(ts)
datediff(t, date'2024-01-01') | cast(s as int) | try_cast(s as int) | cast(d as int) | try_cast(d as int)
cast(l as int) | try_cast(l as int) | cast(p as int) | try_cast(q as int) | cast(b as int) | d | q | s | b
cast('12' as int) | int(s) | length(concat(s, u))
"""
BIGINTS = r"""
l + i | l - 1 | l * j | l % i | i div j | l div i | -l | abs(l) | floor(d) | ceil(d) | ceiling(e) | floor(i)
cast(s as bigint) | cast(d as bigint) | try_cast(d as bigint) | cast(q as bigint) | i | d
greatest(i, l) | coalesce(i, l) | 10000000000 | if(b, i, l)
"""
DOUBLES = r"""
i / j | l / i | d + e | d - e | d * e | d / e | d % e | -d | abs(d) | p / d | p + d | i + d | d * 2 | s + 1 | s * i
s / 2 | round(d) | round(d, 1) | round(e, 2) | cast(s as double) | try_cast(s as double) | cast(p as double)
cast(l as double) | cast(b as double) | greatest(d, e) | least(d, i) | coalesce(d, i)
case when b then d else i end | 1e3 | 1.5D | p | s | l / 3 | i % 2.5D
"""
DECIMALS = r"""
p + p | p - 1 | p * 100 | p * i | p / 3 | p / i | p % 7 | p + q | p * p | q + 1.25 | p * 0.1 | -p | abs(q)
i * 1.5 | cast(s as decimal(12,2)) | try_cast(s as decimal(12,2)) | cast(d as decimal(12,2))
cast(i as decimal(12,2)) | coalesce(p, 0) | greatest(p, 7.125) | if(b, p, i) | q | d | s | 1.50 | p / 0
nullif(p, 7) | q * q | q / p | q % p | l * 1.5 | p + l
"""
TEXTS = r"""
s | concat(s, u) | s || '-' || i | concat(i, d, p, q, b, t, ts) | upper(s) | lower(s) | ucase(u) | lcase(s)
trim(s) | ltrim(s) | rtrim(s) | substring(s, 2) | substring(s, 2, 3) | substr(s, -2) | substring(s, -2, 1)
substring(s, 0, 2) | substring(s, -9, 3) | substring(s from 2 for 1) | left(s, 2) | right(s, 2) | left(s, -1)
replace(s, 'a', 'xy') | replace(s, u, '') | coalesce(s, u, 'none') | nullif(s, u) | greatest(s, u) | if(b, s, u)
case when i > 0 then s when i < 0 then u end | cast(i as string) | cast(d as string) | cast(q as string)
cast(ts as string) | cast(t as string) | cast(b as string) | date_format(ts, 'yyyy-MM-dd HH:mm:ss.SSSSSS')
date_format(t, 'd.M.yy') | date_format(ts, 'MMM MMMM E EEEE') | date_format(ts, "h:mm a 'o''clock'")
date_format(ts, 'yyyy-MM') | date_format(ts, 'hh H m s y') | date_format(ts, 'SSS') | d | p | ts | 'a\'b' | "q"
"""
DATES = r"""
t | ts | s | cast(s as date) | cast(ts as date) | date(s) | coalesce(t, ts) | greatest(t, date'2000-01-01')
if(b, t, null) | trunc(t, 'month') | trunc(ts, 'year')
"""
TIMES = r"""
ts | t | s | cast(s as timestamp) | cast(t as timestamp) | date_trunc('month', ts) | date_trunc('hour', ts)
date_trunc('DAY', t) | date_trunc('year', ts) | date_trunc('minute', ts) | date_trunc('second', ts)
coalesce(ts, t) | nullif(ts, t) | least(ts, timestamp'2000-01-01 00:00:00')
"""
BY_TYPE = {
    "boolean": BOOLEANS, "integer": INTEGERS, "bigint": BIGINTS, "double": DOUBLES, "decimal(20,6)": DECIMALS,
    "string": TEXTS, "date": DATES, "timestamp": TIMES,
}  # fmt: skip
# Each with the type that it is cast to.
EXPRESSIONS = [
    (text.strip(), kind)
    for kind, lines in BY_TYPE.items() for line in lines.strip().splitlines() for text in line.split(" | ")
]  # fmt: skip
