"""The other side of tests/django/peer_test.ts: a real Django that encodes and decodes sessions.

Reads one JSON document from stdin: {"key": SECRET_KEY, "texts": [...], "seed": n, "count": n}. Writes one: {"version", "decoded":
the JSON of each text, "made": [[json, text], ...] random sessions encoded here}.
"""

import json
import random
import sys

from django.conf import settings

given = json.load(sys.stdin)
settings.configure(SECRET_KEY=given["key"], DEFAULT_HASHING_ALGORITHM="sha256", USE_TZ=True)

import django
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing


def dump(data):
    return json.dumps(data, separators=(",", ":"))


salts = {
    "db": "django.contrib.sessions.SessionStore",
    "signed_cookies": "django.contrib.sessions.backends.signed_cookies",
}


def encode(data, engine):
    return signing.dumps(data, salt=salts[engine], serializer=JSONSerializer, compress=True)


def decode(text, engine):
    return signing.loads(text, salt=salts[engine], serializer=JSONSerializer)


chance = random.Random(given["seed"])
letters = ["a", "b", " ", '"', "\\", "/", "\n", "\x00", "\x7f", "é", "ß", "–", "\u2028", "日", "😀", "\ud800"]


def text(most):
    return "".join(chance.choice(letters) for _ in range(chance.randrange(most)))


def value(depth):
    kind = chance.randrange(9 if depth > 0 else 6)
    if kind == 0:
        return text(chance.choice([3, 30, 300]))
    if kind == 1:
        return chance.choice([0, -1, 2**53 - 1, 2**53, -(2**53) - 1, 2**64, 10**40, chance.randrange(1000)])
    if kind == 2:
        return chance.choice([0.0, -0.0, 1.0, 0.1, 1e16, 1e22, 1e-7, 5e-324, 1.7e308, chance.random(), chance.random() * 1e20])
    if kind == 3:
        return chance.choice([True, False, None])
    if kind in (4, 5):
        return "x" * chance.randrange(40)
    if kind in (6, 7):
        return [value(depth - 1) for _ in range(chance.randrange(4))]
    return {chance.choice([text(4), str(chance.randrange(20)), "__proto__"]): value(depth - 1) for _ in range(chance.randrange(4))}


def session():
    return {chance.choice([text(6), str(chance.randrange(20)), "_session_expiry_"]): value(3) for _ in range(chance.randrange(6))}


engines = ["db", "signed_cookies"]
made = []
for n in range(given["count"]):
    data = session()
    made.append([dump(data), encode(data, engines[n % 2])])

json.dump(
    {
        "version": django.get_version(),
        "decoded": [dump(decode(text, engines[n % 2])) for n, text in enumerate(given["texts"])],
        "made": made,
    },
    sys.stdout,
)
