"""Measures Django's own sessions in process: microseconds per request around the same view, as in_process.ts does. JSON on stdout."""

import json
import os
import statistics
import sys
import tempfile
import time

import django
from django.conf import settings

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
folder = tempfile.TemporaryDirectory(prefix="sojourn-bench-")
settings.configure(
    SECRET_KEY="of no use outside of this bench: 9b1f3c",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(folder.name, "db.sqlite3")}},
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100000}}},
    SESSION_FILE_PATH=folder.name,
    INSTALLED_APPS=["django.contrib.sessions"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()

from django.contrib.sessions.middleware import SessionMiddleware  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import RequestFactory  # noqa: E402

call_command("migrate", verbosity=0)
with connection.cursor() as cursor:
    # as our own stores have it; Django's default journal is slower
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")

cart = [{"sku": sku, "count": 1} for sku in ("chair-oak-4", "table-oak-2", "lamp-green-1", "carpet-blue")]
factory = RequestFactory()


def untouched(request):
    return HttpResponse("ok")


def read(request):
    return HttpResponse(request.session.get("name", "nobody"))


def write(request):
    session = request.session
    if "name" not in session:
        session.update({"name": "Ann", "visits": 100, "language": "en-GB", "cart": cart})
    else:
        session["visits"] = session["visits"] + 1
    return HttpResponse(session["name"])


views = {"N": untouched, "R": read, "W": write}
engines = {
    "Django, db (SQLite NORMAL)": ("django.contrib.sessions.backends.db", "SQLite"),
    "Django, cached_db": ("django.contrib.sessions.backends.cached_db", "SQLite"),
    "Django, cache (locmem)": ("django.contrib.sessions.backends.cache", "memory"),
    "Django, file": ("django.contrib.sessions.backends.file", "files"),
    "Django, signed_cookies": ("django.contrib.sessions.backends.signed_cookies", "cookie"),
}


def request_of(cookie):
    return factory.get("/", **({"HTTP_COOKIE": cookie} if cookie else {}))


def visitors(handler, count):
    cookies = []
    for _ in range(count):
        cookie = ""
        for _ in range(2):
            response = handler(request_of(cookie))
            if "sessionid" in response.cookies:
                cookie = "sessionid=" + response.cookies["sessionid"].coded_value
        cookies.append(cookie)
    return cookies


def one_round(handler, cookies, count):
    requests = [request_of(cookies[i % len(cookies)]) for i in range(count)]
    start = time.perf_counter()
    for request in requests:
        handler(request)
    return (time.perf_counter() - start) * 1e6 / count


def spread(values):
    short = lambda value: float("%.4g" % value)
    return {"median": short(statistics.median(values)), "min": short(min(values)), "max": short(max(values))}


running = []
for name, (engine, keeps) in engines.items():
    # SessionMiddleware takes its engine from the settings when it is made
    settings.SESSION_ENGINE = engine
    handlers = {scenario: SessionMiddleware(view) for scenario, view in views.items()}
    cookies = visitors(handlers["W"], 64)
    assert handlers["R"](request_of(cookies[0])).content == b"Ann", name
    running += [(name, keeps, scenario, handlers[scenario], cookies, []) for scenario in views]

bare = []
counts = {}
for i in range(rounds + 1):
    time_bare = one_round(untouched, [""], 1000)
    if i:
        bare.append(time_bare)
    for name, keeps, scenario, handler, cookies, times in running:
        key = (name, scenario)
        count = counts.setdefault(key, max(5, int(10_000 / one_round(handler, cookies, 20))))
        taken = one_round(handler, cookies, count)
        if i:
            times.append(taken)

figures = [{"name": "Django, bare view", "kind": "bare", "scenario": "N", "value": spread(bare),
            "overBare": spread([0.0]), "toBare": spread([1.0])}]
for name, keeps, scenario, handler, cookies, times in running:
    figures.append({"name": name, "kind": "peer", "keeps": keeps, "scenario": scenario, "value": spread(times),
                    "overBare": spread([taken - base for taken, base in zip(times, bare)]),
                    "toBare": spread([base / taken for taken, base in zip(times, bare)])})
print("\n" + json.dumps({"rounds": rounds, "django": django.get_version(), "python": sys.version.split()[0],
                         "figures": figures}))
