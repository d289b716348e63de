#!/usr/bin/env python3
"""django-oauth-toolkit as an authorization server over TLS: rotating refresh tokens, reuse detection, no grace.

  oauth_server.py seed  --directory DIR --grants 100 --access-seconds 60
      makes an application and grants, prints {"client_id", "client_secret", "grants": [{"id", "access_token",
      "refresh_token", "expires_in"}]}; may be called again for more grants of the same application
  oauth_server.py serve --directory DIR --certificate CERT.pem --key KEY.pem --access-seconds 60 [--port 0]
      prints {"port": N} when ready; POST /o/token/, /o/revoke_token/, /o/introspect/ and GET /stats; ends on SIGTERM
Both take --redirect-uri URI: the application's, and people may sign in at /login/ and consent at /o/authorize/.
"""
import argparse
import json
import os
import signal
import sys
import threading
import uuid
from datetime import timedelta

import django
from django.conf import settings

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("mode", choices=["seed", "serve"])
parser.add_argument("--directory", required=True, help="where the SQLite database is")
parser.add_argument("--access-seconds", type=int, default=60, help="lifetime of access tokens")
parser.add_argument("--grants", type=int, default=1)
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--redirect-uri", help="where consents lead back; also makes the pages of consent")
parser.add_argument("--threads", type=int, default=16)
arguments = parser.parse_args()

settings.configure(
    SECRET_KEY="a test's, worth nothing",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"]
    + (["django.contrib.sessions"] if arguments.redirect_uri else []),
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    if arguments.redirect_uri
    else [],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    LOGIN_URL="/login/",
    USE_TZ=True,
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(arguments.directory, "oauth.sqlite3"),
            "CONN_MAX_AGE": None,
            # One request at a time writes, from its first statement on: replicas race for real, the database does not.
            "ATOMIC_REQUESTS": True,
            "OPTIONS": {
                "timeout": 30,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    },
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_EXPIRE_SECONDS": arguments.access_seconds,
        "ROTATE_REFRESH_TOKEN": True,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
        "OAUTH2_VALIDATOR_CLASS": "__main__.CountingValidator",
        "PKCE_REQUIRED": True,
        "SCOPES": {"read": "read", "offline": "stay connected"},
    },
    LOGGING_CONFIG=None,
)
django.setup()

from django.contrib.auth import login  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import transaction  # noqa: E402
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402
from oauth2_provider.views import AuthorizationView, IntrospectTokenView, RevokeTokenView, TokenView  # noqa: E402

CLIENT_ID = "tokenward"
CLIENT_SECRET = "peer-secret"


class Reuses:
    """How often each grant presented a refresh token that was spent already."""

    lock = threading.Lock()
    by_user = {}

    @classmethod
    def add(cls, user_id):
        with cls.lock:
            cls.by_user[user_id] = cls.by_user.get(user_id, 0) + 1


class CountingValidator(OAuth2Validator):
    """The toolkit's own validator, which also tells when it was asked with a spent token."""

    def validate_refresh_token(self, refresh_token, client, request, *args, **kwargs):
        found = RefreshToken.objects.filter(token=refresh_token, revoked__isnull=False).first()
        if found is not None:
            Reuses.add(found.user_id)
        return super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)


def stats(request):
    """Per grant: refreshes, reuses of a spent token, and whether a live refresh token is left."""
    grants = {}
    names = dict(User.objects.values_list("id", "username"))
    for user_id, revoked in RefreshToken.objects.values_list("user_id", "revoked"):
        grant = grants.setdefault(
            names[user_id], {"refreshes": -1, "reuses": Reuses.by_user.get(user_id, 0), "live": 0, "familyRevoked": False}
        )
        grant["refreshes"] += 1
        grant["live"] += revoked is None
    for grant in grants.values():
        grant["familyRevoked"] = grant["reuses"] > 0 and grant["live"] == 0
    total = {
        "grants": len(grants),
        "refreshes": sum(grant["refreshes"] for grant in grants.values()),
        "reuses": sum(grant["reuses"] for grant in grants.values()),
        "familiesRevoked": sum(grant["familyRevoked"] for grant in grants.values()),
    }
    return JsonResponse({"total": total, "grants": grants})


def sign_in(request):
    """Anybody is whoever they say they are."""
    if request.method == "POST":
        login(request, User.objects.get(username=request.POST["name"]))
        return HttpResponseRedirect(request.GET["next"])
    return HttpResponse('<form method="post"><input name="name"><button>Sign in</button></form>')


urlpatterns = [
    path("o/authorize/", AuthorizationView.as_view()),
    path("login/", sign_in),
    path("o/token/", TokenView.as_view()),
    path("o/revoke_token/", RevokeTokenView.as_view()),
    path("o/introspect/", IntrospectTokenView.as_view()),
    path("stats", stats),
]


def seed():
    with transaction.atomic():
        owner, _ = User.objects.get_or_create(username="owner")
        application, _ = Application.objects.get_or_create(
            client_id=CLIENT_ID,
            defaults={
                "client_secret": CLIENT_SECRET,
                "hash_client_secret": False,
                "user": owner,
                "client_type": Application.CLIENT_CONFIDENTIAL,
                "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
                "redirect_uris": arguments.redirect_uri or "https://localhost/oauth/callback/oauth2",
                "name": "Tokenward",
            },
        )
        first = User.objects.filter(username__startswith="grant-").count() + 1
        expires = timezone.now() + timedelta(seconds=arguments.access_seconds)
        grants = []
        for number in range(first, first + arguments.grants):
            user = User.objects.create(username=f"grant-{number}")
            access = AccessToken.objects.create(
                user=user, application=application, token=f"access-{number}-{os.urandom(8).hex()}", expires=expires,
                scope="read offline",
            )
            refresh = RefreshToken.objects.create(
                user=user, application=application, access_token=access, token=f"refresh-{number}-{os.urandom(8).hex()}",
                token_family=uuid.uuid4(),
            )
            grants.append(
                {
                    "id": user.username,
                    "access_token": access.token,
                    "refresh_token": refresh.token,
                    "expires_in": arguments.access_seconds,
                }
            )
    print(json.dumps({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grants": grants}), flush=True)


def serve():
    from cheroot.ssl.builtin import BuiltinSSLAdapter
    from cheroot.wsgi import Server

    server = Server(("127.0.0.1", arguments.port), get_wsgi_application(), numthreads=arguments.threads, timeout=60, shutdown_timeout=1)
    server.ssl_adapter = BuiltinSSLAdapter(arguments.certificate, arguments.key)
    server.prepare()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(json.dumps({"port": server.bind_addr[1]}), flush=True)
    try:
        server.serve()
    finally:
        server.stop()


call_command("migrate", verbosity=0)
if arguments.mode == "seed":
    seed()
else:
    if not arguments.certificate or not arguments.key:
        parser.error("serve needs --certificate and --key")
    serve()
