"""Compares query expressions as Steward parses them with the parser of lsst.daf.butler, over generated texts.

Both must accept the same texts and see the same structure in them. The probe is the executable `query-probe` of this
package; STEWARD_QUERY_PROBE names another path.
"""

import datetime
import json
import math
import os
import pathlib
import random
import subprocess
import warnings

import pytest

tree = pytest.importorskip("lsst.daf.butler.queries.expressions.parser.exprTree")
parser = pytest.importorskip("lsst.daf.butler.queries.expressions.parser")
time_utils = pytest.importorskip("lsst.daf.butler.time_utils")

ROOT = pathlib.Path(__file__).resolve().parent.parent


def probe_path():
    named = os.environ.get("STEWARD_QUERY_PROBE")
    candidates = [named] if named else [ROOT / ".build" / kind / "query-probe" for kind in ("debug", "release")]
    for candidate in candidates:
        if pathlib.Path(candidate).is_file():
            return str(candidate)
    pytest.skip(f"query-probe is not built (looked at {', '.join(map(str, candidates))})")


def steward(texts):
    """What Steward makes of each text: a fully parenthesised expression, or None for an error."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    run = subprocess.run([probe_path()], input=lines, capture_output=True, text=True, check=True)
    answers = run.stdout.split("\n")[:-1]
    assert len(answers) == len(texts)
    return [json.loads(answer[3:]) if answer.startswith("ok ") else None for answer in answers]


def python(text):
    """What lsst.daf.butler makes of a text, in the same form."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = parser.parse_expression(text)
            return "" if node is None else written(node)
    except Exception:
        return None


# The structure of a Python tree, as Steward describes its own.


def bare(node):
    while isinstance(node, tree.Parens):
        node = node.expr
    return node


def operand(node):
    inner = bare(node)
    text = written(inner)
    return f"({text})" if isinstance(inner, tree.BinaryOp | tree.UnaryOp | tree.IsIn) else text


def chain(node, operator):
    """The operands of a chain of AND or OR, which Steward keeps in one node."""
    items = [node.rhs]
    while isinstance(node.lhs, tree.BinaryOp) and node.lhs.op == operator:
        node = node.lhs
        items.append(node.rhs)
    return [node.lhs, *reversed(items)]


def integer(value):
    """Steward refuses while parsing what no database column can hold."""
    if not -(2**63) <= value < 2**63:
        raise OverflowError(value)
    return str(value)


def number(text):
    try:
        value = int(text)
    except ValueError:
        value = float(text)
        if math.isinf(value):
            raise OverflowError(text) from None
        return repr(value)
    return integer(value)


def time(value):
    nanoseconds = time_utils.TimeConverter().astropy_to_nsec(value)
    date = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=nanoseconds // 10**9)
    return f"T'{date:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 10**9:09d}/tai'"


def call(name, arguments):
    return f"{name}({', '.join(written(bare(argument)) for argument in arguments)})"


def written(node):
    match bare(node):
        case tree.NumericLiteral(value=value):
            return number(value)
        case tree.StringLiteral(value=value):
            return f"'{value}'"
        case tree.TimeLiteral(value=value):
            return time(value)
        case tree.UuidLiteral(value=value):
            return f"UUID('{value}')"
        case tree.RangeLiteral() as range_:
            stride = f":{range_.stride}" if range_.stride not in (None, 1) else ""
            return f"{integer(range_.start)}..{integer(range_.stop)}{stride}"
        case tree.Identifier(name=name):
            return name
        case tree.BindName(name=name):
            return ":" + name
        case tree.UnaryOp(op=op, operand=inner):
            return ("NOT " if op == "NOT" else op) + operand(inner)
        case tree.BinaryOp(op="AND" | "OR" as op) as node:
            return f" {op} ".join(operand(item) for item in chain(node, op))
        case tree.BinaryOp(op=op, lhs=left, rhs=right):
            return f"{operand(left)} {op} {operand(right)}"
        case tree.IsIn(lhs=left, values=values, not_in=negated):
            return operand(left) + call(" NOT IN " if negated else " IN ", values)
        case tree.TupleNode(items=items):
            return call("", items)
        case tree.FunctionCall(name=name, args=arguments):
            return call(name, arguments)
        case node:
            return call(type(node).__name__.removesuffix("Node").upper(), node.children)


# Texts

UUID = "4b6c1f0e-2a3d-4e5f-8a9b-0c1d2e3f4a5b"
WORDS = [
    "visit", "instrument", "detector", "band", "a", "x_1", "_b", "T", "visit.exposure_time", "visit.timespan.begin",
    "a.in", "is", "null", ":name", ":v", "NULL", "e5",
]
NUMBERS = ["0", "1", "007", "42", "1.", "1.5", ".5", "1e3", "2.5E-2", "1e", "9223372036854775807", "3.14e+2"]
RANGES = ["1..5", "-5 .. -1", "1..9:2", "1 .. 9 : 3", "1..5:0", "5..1", "0..0", "1..\n2"]
STRINGS = ["'HSC'", "''", "'a b'", "'é (x) \"'", "'1..2'"]
TIMES = ["T'2020-01-01'", "t'58849.25'", "T'2020-01-01 12:30:15.5/utc'", "T'MJD/58849.5/tai'", "T'bad'", "T'58849'"]
TOKENS = WORDS + NUMBERS + RANGES + STRINGS + TIMES + [
    "(", ")", ",", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "AND", "or", "NOT", "In", "OVERLAPS",
    "GLOB", "UUID", "POINT", "circle", "(", ")", "=", "AND", "OR", "IN (", "NOT IN (", "==", ":", ".", "'", '"', "&",
    "\n", "\t", "\r", "é", "..", "!", "", f"UUID('{UUID}')",
]


def blank(rng):
    return rng.choice(["", " ", " ", " ", "\t", "\n", "  "])


def leaf(rng):
    return rng.choice(rng.choices([WORDS, NUMBERS, STRINGS, TIMES[:4], RANGES], [6, 3, 2, 1, 1])[0])


def arguments(rng, depth, count):
    pick = rng.random()
    items = [expression(rng, depth) if rng.random() < 0.2 else leaf(rng) for _ in range(count)]
    if pick < 0.7:
        items = [rng.choice(["1", "-2.5", ":ra", "ra", "- 3", "+1", "1+2", "x.y"]) for _ in range(count)]
    if rng.random() < 0.05:
        items.insert(0, "")
    return "(" + ",".join(items) + ")"


def function(rng, depth):
    name, count = rng.choice(
        [("POINT", 2), ("CIRCLE", 3), ("BOX", 4), ("POLYGON", 6), ("POLYGON", 8), ("foo", rng.randint(0, 3))]
    )
    if rng.random() < 0.1:
        count += rng.choice([-1, 1])
    if rng.random() < 0.3:
        return rng.choice(
            [
                "GLOB(a.b, 'x*')", "glob((visit), ((:p)))", "GLOB('x', a)", "GLOB(a)", f"UUID('{UUID}')",
                f"uuid(('{UUID.replace('-', '').upper()}'))", "UUID('x')", "UUID(a)", "REGION('CIRCLE 1 2 3')",
                "REGION(:r)", "region(a.b)", "REGION(('x'))", "REGION(1)", "REGION()", "GLOB(a, b)",
            ]
        )
    return rng.choice([name, name.lower()]) + blank(rng) + arguments(rng, depth - 1, max(count, 0))


def item(rng):
    pick = rng.random()
    if pick < 0.7:
        return rng.choice(["1", "-1", "+ 2.5", "'r'", ":b", "name", "1..5", "-3..4:2", "T'58849.0'", f"UUID('{UUID}')"])
    return leaf(rng) if pick < 0.95 else rng.choice(["(1)", "1+2", "foo(1)", "--1", "POINT(1,2)", ""])


def expression(rng, depth):
    """A text that follows the grammar, mostly."""
    if depth <= 0 or rng.random() < 0.1:
        return leaf(rng)
    pick = rng.random()
    first = expression(rng, depth - 1)
    if pick < 0.1:
        return f"({blank(rng)}{first}{blank(rng)})"
    if pick < 0.16:
        return rng.choice(["NOT ", "not ", "NOT("]) + first + ("" if rng.random() < 0.7 else ")")
    if pick < 0.22:
        return rng.choice("+-") + blank(rng) + first
    if pick < 0.32:
        items = ",".join(blank(rng) + item(rng) for _ in range(rng.randint(1, 4)))
        return f"{first} {rng.choice(['IN', 'NOT IN', 'in', 'not  in'])}{blank(rng)}({items})"
    if pick < 0.38:
        return f"({first},{blank(rng)}{expression(rng, depth - 1)})"
    if pick < 0.46:
        return function(rng, depth)
    operator = rng.choice(
        ["AND", "OR", "AND", "OR", "and", "=", "!=", "<", "<=", ">", ">=", "OVERLAPS", "+", "-", "*", "/", "%"]
    )
    space = " " if operator.isalpha() else blank(rng)
    return first + space + operator + space + expression(rng, depth - 1)


def mutated(rng, text):
    characters = list(text)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(characters) + 1)
        action = rng.random()
        if action < 0.4:
            characters.insert(place, rng.choice(" ()',.:=<>!+-*/%1aT\n\"&"))
        elif action < 0.6:
            characters.insert(place, f" {rng.choice(TOKENS)} ")
        elif characters:
            del characters[min(place, len(characters) - 1)]
    return "".join(characters)


def compare(texts):
    differences = []
    accepted = 0
    for text, ours in zip(texts, steward(texts)):
        theirs = python(text)
        accepted += theirs is not None
        if ours != theirs:
            differences.append((text, ours, theirs))
    return differences, accepted


@pytest.mark.parametrize("seed", range(4))
def test_grammatical_texts_have_the_same_structure(seed):
    rng = random.Random(seed)
    differences, accepted = compare([expression(rng, rng.randint(1, 6)) for _ in range(2500)])
    assert differences == []
    assert accepted > 1000, "the generator makes too few valid expressions to prove anything"


def test_mutated_texts_are_accepted_or_refused_alike():
    rng = random.Random(10)
    differences, accepted = compare([mutated(rng, expression(rng, rng.randint(1, 5))) for _ in range(5000)])
    assert differences == []
    assert 500 < accepted < 4500


def test_token_soups_are_accepted_or_refused_alike():
    rng = random.Random(20)
    texts = [blank(rng).join(rng.choice(TOKENS) for _ in range(rng.randint(0, 7))) for _ in range(5000)]
    differences, accepted = compare(texts)
    assert differences == []
    assert accepted > 100
