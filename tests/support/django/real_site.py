"""A small Django site for tests: sessions, log-ins and messages, driven by lists of operations over HTTP.

Its only argument is a JSON object: folder, engine, secret_key, fallbacks, database, related (whether a table refers to the
sessions), and any further settings. It prints
{"port": N} when it listens, and ends when its standard input is closed, so it never outlives the test that started it.
"""

import json
import os
import sys
import threading
import traceback

import django
from django.conf import settings

OPTIONS = json.loads(sys.argv[1])
FOLDER = OPTIONS["folder"]

settings.configure(
    SECRET_KEY=OPTIONS["secret_key"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    USE_TZ=OPTIONS.get("use_tz", True),
    TIME_ZONE=OPTIONS.get("time_zone", "UTC"),
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DATABASES={"default": OPTIONS["database"]},
    SESSION_ENGINE="django.contrib.sessions.backends." + OPTIONS["engine"],
    SESSION_FILE_PATH=FOLDER,
    LOGGING_CONFIG=None,
    **OPTIONS.get("settings", {}),
)
django.setup()

from django.contrib import auth, messages  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieStore  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.core import signing  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.middleware.csrf import get_token  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402
from django.views.decorators.csrf import csrf_protect  # noqa: E402
from importlib import import_module  # noqa: E402

COOKIE_SALT = "django.contrib.sessions.backends.signed_cookies"
GATES = {}
GATES_LOCK = threading.Lock()


if OPTIONS.get("related"):

    class Device(models.Model):
        """What sites keep to list the sessions of a user: a table that refers to the sessions."""

        user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
        session = models.ForeignKey(Session, models.CASCADE)

        class Meta:
            app_label = "sessions"


def gate(name):
    with GATES_LOCK:
        return GATES.setdefault(name, (threading.Event(), threading.Event()))


def wait_at(name):
    """Tells that a request has come here, and holds it until the test opens the gate."""
    reached, opened = gate(name)
    reached.set()
    if not opened.wait(20):
        raise TimeoutError(name)


def operate(request, name, *args):
    session = request.session
    if name == "get":
        return session.get(*args)
    if name == "set":
        session[args[0]] = args[1]
    elif name == "delete":
        del session[args[0]]
    elif name == "data":
        return dict(session.items())
    elif name == "add":
        session[args[0]] = session.get(args[0], 0) + args[1]
        return session[args[0]]
    elif name == "key":
        return session.session_key
    elif name == "clear":
        session.clear()
    elif name == "flush":
        session.flush()
    elif name == "cycle":
        session.cycle_key()
    elif name == "expiry":
        session.set_expiry(args[0])
    elif name == "age":
        return session.get_expiry_age()
    elif name == "login":
        auth.login(request, get_user_model().objects.get(username=args[0]))
    elif name == "logout":
        auth.logout(request)
    elif name == "who":
        user = auth.get_user(request)
        return user.username if user.is_authenticated else None
    elif name == "password":
        user = request.user
        user.is_authenticated  # looked up now: afterwards the session would not fit it any more
        user.set_password(args[0])
        user.save()
        auth.update_session_auth_hash(request, user)
    elif name == "user":
        user = get_user_model().objects.get(username=args[0])
        return {"id": user.pk, "password": user.password, "hash": user.get_session_auth_hash()}
    elif name == "tell":
        messages.add_message(request, args[0], args[1], extra_tags=args[2] if len(args) > 2 else "")
    elif name == "told":
        return [[one.level, one.message, one.extra_tags or ""] for one in messages.get_messages(request)]
    elif name == "remember":
        session.save()
        Device.objects.create(user=request.user, session_id=session.session_key)
    elif name == "wait":
        wait_at(args[0])
    else:
        raise KeyError(name)
    return None


def do(request, status=200):
    try:
        answers = [operate(request, *one) for one in json.loads(request.body)]
    except Exception:
        traceback.print_exc()
        raise
    return JsonResponse({"answers": answers}, status=status)


def reached(request, name):
    return JsonResponse({"reached": gate(name)[0].wait(20)})


def opened(request, name):
    gate(name)[1].set()
    return JsonResponse({})


def store(key=None):
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def seal(request):
    """Each session as a row and as a cookie."""
    rows, cookies = [], []
    for data in json.loads(request.body):
        rows.append(store().encode(data))
        cookies.append(signing.dumps(data, compress=True, salt=COOKIE_SALT))
    return JsonResponse({"rows": rows, "cookies": cookies})


def unseal(request):
    """What rows and cookies hold."""
    sent = json.loads(request.body)
    cookies = []
    for text in sent["cookies"]:
        session = CookieStore(text)
        data = session.load()
        cookies.append({"broken": True} if session.modified else data)
    return JsonResponse({"rows": [store().decode(text) for text in sent["rows"]], "cookies": cookies})


def clearsessions(request):
    call_command("clearsessions")
    return JsonResponse({})


@csrf_protect
def form(request):
    """A page with a form, and where that is posted to."""
    return JsonResponse({"token": get_token(request) if request.method == "GET" else None})


def devices(request):
    return JsonResponse({"keys": list(Device.objects.order_by("pk").values_list("session_id", flat=True))})


def migrate(request):
    """What every migration ends with: on SQLite, a look for rows that refer to nothing."""
    with connection.schema_editor():
        pass
    connection.check_constraints()
    return JsonResponse({})


@cache_page(60)
def page(request):
    return JsonResponse({"made": str(timezone.now())})


def cached(request):
    """Whether the default cache gives a date back as it was."""
    date = timezone.now()
    cache.set("date", date)
    return JsonResponse({"same": cache.get("date") == date})


urlpatterns = [
    path("do", do),
    path("do/<int:status>", do),
    path("reached/<name>", reached),
    path("open/<name>", opened),
    path("seal", seal),
    path("unseal", unseal),
    path("clearsessions", clearsessions),
    path("form", form),
    path("devices", devices),
    path("migrate", migrate),
    path("page", page),
    path("cached", cached),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


class Server(ThreadedWSGIServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    call_command("migrate", verbosity=0)
    if OPTIONS.get("related"):
        with connection.schema_editor() as editor:
            editor.create_model(Device)
    users = get_user_model().objects
    for name in ("ada", "grace"):
        if not users.filter(username=name).exists():
            users.create_user(name, password="correct horse")
    server = Server(("127.0.0.1", 0), Quiet)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    sys.stdin.read()
    os._exit(0)


main()
